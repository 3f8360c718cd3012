import { ipFamily, ipFromBytes, ipToBytes, parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";

const nothing = new Uint8Array(0);

/** Addresses of one family, one after the other as in A or AAAA records. */
export function packAddresses(addresses: readonly Ip[], width: 4 | 16): Uint8Array {
  if (addresses.length === 0) return nothing;
  const packed = new Uint8Array(addresses.length * width);
  for (const [i, address] of addresses.entries()) {
    if (width === 4) writeIpv4(packed, i * 4, address);
    else packed.set(ipToBytes(address), i * 16);
  }
  return packed;
}

/** Headless Services may have thousands of addresses, so this avoids the big integers of `ipToBytes`. */
function writeIpv4(target: Uint8Array, at: number, address: Ip): void {
  let byte = 0;
  let next = at;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 0x2e) {
      target[next++] = byte;
      byte = 0;
    } else byte = byte * 10 + (code - 0x30);
  }
  target[next] = byte;
}

/** The two families of `addresses`, in order and without doubles. */
export function splitFamilies(addresses: Iterable<Ip>): { readonly v4: Uint8Array; readonly v6: Uint8Array } {
  const distinct = [...new Set(addresses)];
  return {
    v4: packAddresses(
      distinct.filter((address) => ipFamily(address) === "IPv4"),
      4,
    ),
    v6: packAddresses(
      distinct.filter((address) => ipFamily(address) === "IPv6"),
      16,
    ),
  };
}

/**
 * An address as a label: dots and colons become dashes. An IPv6 address that would end in a dash, which no label
 * may, gets a zero: `2001-db8--0`.
 */
export function dashedAddress(address: Ip): string {
  const dashed = address.replace(/[.:]/g, "-");
  return dashed.endsWith("-") ? `${dashed}0` : dashed;
}

/** The address that a label of a pod's name means: three single dashes make IPv4, all else IPv6. */
export function addressOfLabel(label: string): Ip | undefined {
  // A label can hold any byte: one that spells an address with dots or colons is another name.
  if (/[.:]/.test(label)) return undefined;
  const isIpv4 = !label.includes("--") && label.split("-").length === 4;
  return parseIp(label.replaceAll("-", isIpv4 ? "." : ":"));
}

/** Whether labels of a reverse name are the beginning of addresses, read from the right, and more could follow. */
export function areNetworkLabels(labels: readonly string[], family: "IPv4" | "IPv6"): boolean {
  const isDigit = family === "IPv4" ? isByte : (label: string) => /^[0-9a-f]$/.test(label);
  return labels.length < (family === "IPv4" ? 4 : 32) && labels.every(isDigit);
}

function isByte(label: string): boolean {
  return /^(0|[1-9][0-9]{0,2})$/.test(label) && Number(label) < 256;
}

/**
 * The address that the labels of a reverse name spell: `4.3.2.1` for 1.2.3.4, or 32 hexadecimal digits. `undefined`
 * for names of networks and for nonsense.
 */
export function addressOfReverseLabels(labels: readonly string[], family: "IPv4" | "IPv6"): Ip | undefined {
  const reversed = labels.toReversed();
  if (family === "IPv4") return reversed.length === 4 ? parseIp(reversed.join(".")) : undefined;
  if (reversed.length !== 32 || !reversed.every((digit) => /^[0-9a-f]$/.test(digit))) return undefined;
  const bytes = Uint8Array.from({ length: 16 }, (_, i) =>
    Number.parseInt(`${reversed[2 * i]}${reversed[2 * i + 1]}`, 16),
  );
  return ipFromBytes(bytes);
}
