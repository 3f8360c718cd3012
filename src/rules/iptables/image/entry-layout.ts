import type { IpFamily } from "../../../core/index.ts";

/**
 * Where things are in an entry of a legacy table, in bytes: `struct ipt_entry` of linux/netfilter_ipv4/ip_tables.h,
 * `struct ip6t_entry` of linux/netfilter_ipv6/ip6_tables.h, on 64-bit little-endian machines. An entry is this head, the
 * matches, and the target; everything begins at a multiple of 8.
 */
export interface EntryLayout {
  readonly family: IpFamily;
  readonly addressSize: 4 | 16;
  /** Addresses, then masks, source before destination each. */
  readonly sourceMaskAt: number;
  readonly inInterfaceAt: number;
  readonly inInterfaceMaskAt: number;
  readonly protocolAt: number;
  readonly flagsAt: number;
  readonly invertAt: number;
  /** Where the target begins, from the start of the entry; 16 bits. */
  readonly targetOffsetAt: number;
  /** Where the next entry begins, from the start of this one; 16 bits. */
  readonly nextOffsetAt: number;
  /** Length of the head; the matches follow. */
  readonly headSize: number;
}

/** The layout of each family. */
export const entryLayouts: Readonly<Record<IpFamily, EntryLayout>> = {
  IPv4: {
    family: "IPv4",
    addressSize: 4,
    sourceMaskAt: 8,
    inInterfaceAt: 16,
    inInterfaceMaskAt: 48,
    protocolAt: 80,
    flagsAt: 82,
    invertAt: 83,
    targetOffsetAt: 88,
    nextOffsetAt: 90,
    headSize: 112,
  },
  IPv6: {
    family: "IPv6",
    addressSize: 16,
    sourceMaskAt: 32,
    inInterfaceAt: 64,
    inInterfaceMaskAt: 96,
    protocolAt: 128,
    flagsAt: 131,
    invertAt: 132,
    targetOffsetAt: 140,
    nextOffsetAt: 142,
    headSize: 168,
  },
};

// linux/netfilter/x_tables.h: struct xt_entry_match and xt_entry_target begin alike.
/** Length of what a match or target begins with: its size, its name and its revision. */
export const extensionHead = 32;
/** Where the name is in it. */
export const extensionNameAt = 2;
const revisionAt = 31;
/** Length of a target that jumps or says a verdict; the number is behind the head. */
export const standardTargetSize = 40;
/** Length of the target by which a chain begins; its name is behind the head. */
export const errorTargetSize = 64;
/** Bytes for the name of a chain, its end included. */
export const chainNameSize = 30;
/** The name of the target by which a chain begins. */
export const errorTarget = "ERROR";

/** Verdicts: below 0 what becomes of the packet, else where in the table it goes on. */
export const verdicts = { drop: -1, accept: -2, return: -5 } as const;

/** Everything begins at a multiple of 8. */
export function aligned(size: number): number {
  return (size + 7) & ~7;
}

/** The bytes of a match or target with room for `dataSize` bytes, which `fill` may set. */
export function extension(
  name: string,
  revision: number,
  dataSize: number,
  fill: (data: DataView, bytes: Uint8Array) => void = () => undefined,
): Uint8Array {
  const bytes = new Uint8Array(aligned(extensionHead + dataSize));
  bytes[0] = bytes.length & 255;
  bytes[1] = bytes.length >> 8;
  writeText(bytes, extensionNameAt, name);
  bytes[revisionAt] = revision;
  fill(new DataView(bytes.buffer, extensionHead), bytes.subarray(extensionHead));
  return bytes;
}

/** Writes ASCII. */
export function writeText(bytes: Uint8Array, at: number, text: string): void {
  for (let i = 0; i < text.length; i++) bytes[at + i] = text.charCodeAt(i);
}
