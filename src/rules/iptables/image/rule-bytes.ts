import { cidrBase, cidrPrefix, ipBits, ipFamily, ipToBytes, parseCidr } from "../../../core/index.ts";
import type { Cidr, Ip, IpFamily } from "../../../core/index.ts";
import type { Rule } from "../rule.ts";
import {
  chainNameSize,
  errorTarget,
  errorTargetSize,
  extension,
  extensionHead,
  standardTargetSize,
  verdicts,
  writeText,
} from "./entry-layout.ts";
import type { EntryLayout } from "./entry-layout.ts";
import { isInHead, matchSize, protocolNumber, writeMatch } from "./match-bytes.ts";
import type { HeadMatch } from "./match-bytes.ts";
import { targetSize, writeTarget } from "./target-bytes.ts";

// linux/netfilter_ipv4/ip_tables.h, the same in IPv6
const notIn = 0x01;
const notSource = 0x08;
const notDestination = 0x10;
/** Only in IPv6: the rule looks at the protocol. */
const hasProtocol = 0x01;
const interfaceNameSize = 16;

/** Length of a rule's entry in bytes; `undefined` when what it says is not known here: then the tool has to write it. */
export function ruleSize({ matches, target }: Rule, { family, headSize }: EntryLayout): number | undefined {
  let size: number | undefined = targetSize(target, family);
  for (const match of matches) {
    if (size === undefined) return undefined;
    if (isInHead(match)) {
      if (!isKnown(match, family)) return undefined;
      continue;
    }
    const more = matchSize(match);
    size = more === undefined ? undefined : size + more;
  }
  return size === undefined ? undefined : headSize + size;
}

/** Writes the entry of a rule of this size over what is there; `jumpTo` is where its jump leads, from the start of the table. */
export function writeRule(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  { matches, target }: Rule,
  { layout, size, jumpTo }: { readonly layout: EntryLayout; readonly size: number; readonly jumpTo: number },
): void {
  bytes.fill(0, at, at + layout.headSize);
  let end = at + layout.headSize;
  for (const match of matches) {
    if (isInHead(match)) {
      if (match.kind === "in-interface") writeInterface(bytes, at, match, layout);
      else writeAddress(bytes, at, match, layout);
      continue;
    }
    if (match.kind === "protocol") {
      bytes[at + layout.protocolAt] = protocolNumber(match.protocol);
      if (layout.family === "IPv6") bytes[at + layout.flagsAt] = hasProtocol;
    }
    writeMatch(view, bytes, end, match);
    end += matchSize(match) ?? 0;
  }
  view.setUint16(at + layout.targetOffsetAt, end - at, true);
  view.setUint16(at + layout.nextOffsetAt, size, true);
  writeTarget(view, bytes, end, target, { family: layout.family, goesTo: target === undefined ? at + size : jumpTo });
}

/** Length of what a chain of others than the kernel begins with: an entry that has its name. */
export function chainHeadSize({ headSize }: EntryLayout): number {
  return headSize + errorTargetSize;
}

/** Length of what a chain ends with: an entry that returns. */
export function chainFootSize({ headSize }: EntryLayout): number {
  return headSize + standardTargetSize;
}

/** Whether a chain may have this name: the kernel has room for 29 letters. */
export function isChainName(name: string): boolean {
  return name.length < chainNameSize;
}

const head = extension(errorTarget, 0, errorTargetSize - extensionHead);
const foot = extension("", 0, standardTargetSize - extensionHead, (data) => data.setInt32(0, verdicts.return, true));

/** Writes the entry that a chain begins with; gives back where it ends. */
export function writeChainHead(
  view: DataView,
  bytes: Uint8Array,
  at: number,
  name: string,
  layout: EntryLayout,
): number {
  writeBare(view, bytes, at, layout, head);
  writeText(bytes, at + layout.headSize + extensionHead, name);
  return at + chainHeadSize(layout);
}

/** Writes the entry that a chain ends with. */
export function writeChainFoot(view: DataView, bytes: Uint8Array, at: number, layout: EntryLayout): void {
  writeBare(view, bytes, at, layout, foot);
}

function writeBare(view: DataView, bytes: Uint8Array, at: number, layout: EntryLayout, target: Uint8Array): void {
  bytes.fill(0, at, at + layout.headSize);
  view.setUint16(at + layout.targetOffsetAt, layout.headSize, true);
  view.setUint16(at + layout.nextOffsetAt, layout.headSize + target.length, true);
  bytes.set(target, at + layout.headSize);
}

function isKnown(match: HeadMatch, family: IpFamily): boolean {
  if (match.kind === "in-interface") return match.name !== "" && match.name.length < interfaceNameSize;
  return match.network.includes(":") === (family === "IPv6");
}

function writeAddress(
  bytes: Uint8Array,
  at: number,
  match: { readonly kind: "source" | "destination"; readonly network: Ip | Cidr; readonly not?: true },
  layout: EntryLayout,
): void {
  const isSource = match.kind === "source";
  const range = match.network.includes("/") ? parseCidr(match.network) : undefined;
  const address = range === undefined ? (match.network as Ip) : cidrBase(range);
  const prefix = range === undefined ? ipBits(ipFamily(address)) : cidrPrefix(range);
  const place = at + (isSource ? 0 : layout.addressSize);
  bytes.set(ipToBytes(address), place);
  for (let i = 0; i < layout.addressSize; i++) {
    const bits = Math.min(8, Math.max(0, prefix - 8 * i));
    bytes[place + layout.sourceMaskAt + i] = (0xff00 >> bits) & 255;
  }
  if (match.not === true) setFlag(bytes, at + layout.invertAt, isSource ? notSource : notDestination);
}

function writeInterface(
  bytes: Uint8Array,
  at: number,
  { name, not }: { readonly name: string; readonly not?: true },
  layout: EntryLayout,
): void {
  writeText(bytes, at + layout.inInterfaceAt, name);
  // The end of the name counts, unless any may follow.
  const compared = name.endsWith("+") ? name.length - 1 : name.length + 1;
  bytes.fill(255, at + layout.inInterfaceMaskAt, at + layout.inInterfaceMaskAt + compared);
  if (not === true) setFlag(bytes, at + layout.invertAt, notIn);
}

function setFlag(bytes: Uint8Array, at: number, flag: number): void {
  bytes[at] = (bytes[at] ?? 0) | flag;
}
