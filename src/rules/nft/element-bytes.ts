import type { ElementType } from "./statement.ts";

/** One value of a key or of data, by how the kernel has it. In a row of values each takes whole 32-bit words. */
export type Part = "ipv4" | "ipv6" | "protocol" | "port" | "priority" | "number";

const partOfWord: ReadonlyMap<string, Part> = new Map<string, Part>([
  ["ipv4_addr", "ipv4"],
  ["ipv6_addr", "ipv6"],
  ["inet_proto", "protocol"],
  ["inet_service", "port"],
  ["classid", "priority"],
  ["ip saddr", "ipv4"],
  ["ip daddr", "ipv4"],
  ["ip6 saddr", "ipv6"],
  ["ip6 daddr", "ipv6"],
  ["meta l4proto", "protocol"],
  ["th dport", "port"],
  ["meta priority", "priority"],
]);

/** What keys or data of a type consist of. Throws for a type that our tables do not have. */
export function partsOf(type: ElementType): readonly Part[] {
  switch (type.kind) {
    case "types":
      return type.names.map(partOf);
    case "concat":
      return type.parts.flatMap(partsOf);
    case "field":
      return [partOf(type.field)];
    case "numgen":
      return ["number"];
    case "and":
    case "or":
    case "jhash":
    case "endpoint":
    case "lookup":
      throw new TypeError(`Keys of kind ${type.kind} cannot be written as bytes`);
  }
}

function partOf(word: string): Part {
  const part = partOfWord.get(word);
  if (part === undefined) throw new TypeError(`Keys of type ${word} cannot be written as bytes`);
  return part;
}

/** Which address of a network is meant: elements of interval sets have both. */
export type Edge = "first" | "last";

/** Whether this machine has the lowest byte first: the kernel has marks, priorities and lengths so. */
export const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

const space = 0x20;
const dot = 0x2e;
const slash = 0x2f;
const colon = 0x3a;
/** Between two values: ` . `. */
const separatorLength = 3;

/**
 * Writes what `text` says, in the language of nft (`10.96.0.1 . tcp . 80`), to `view` at `at`, and returns where it ends. The
 * text must be one that this program wrote: it is not checked.
 */
export function writeParts(view: DataView, at: number, parts: readonly Part[], text: string, edge: Edge): number {
  let to = at;
  let from = 0;
  for (const part of parts) {
    switch (part) {
      case "ipv4":
        from = writeIpv4(view, to, text, from, edge);
        to += 4;
        break;
      case "ipv6":
        from = writeIpv6(view, to, text, from, edge);
        to += 16;
        break;
      case "protocol":
        view.setUint32(to, protocolAt(text, from) << 24);
        from = endOf(text, from);
        to += 4;
        break;
      case "port":
        from = writeDecimal(view, to, text, from, true);
        to += 4;
        break;
      case "number":
        from = writeDecimal(view, to, text, from, false);
        to += 4;
        break;
      case "priority":
        from = writePriority(view, to, text, from);
        to += 4;
        break;
    }
    from += separatorLength;
  }
  return to;
}

/** How many bytes the parts take. */
export function bytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => sum + (part === "ipv6" ? 16 : 4), 0);
}

function writeIpv4(view: DataView, to: number, text: string, start: number, edge: Edge): number {
  let value = 0;
  let byte = 0;
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      value = (value << 8) | byte;
      byte = 0;
    } else if (code === space || code === slash) break;
    else byte = byte * 10 + code - 0x30;
  }
  value = (value << 8) | byte;
  const end = endOf(text, at);
  if (text.charCodeAt(at) === slash && edge === "last") {
    const prefix = Number(text.slice(at + 1, end));
    if (prefix < 32) value |= 0xffff_ffff >>> prefix;
  }
  view.setUint32(to, value);
  return end;
}

function writeIpv6(view: DataView, to: number, text: string, start: number, edge: Edge): number {
  const end = endOf(text, start);
  const [address = "", prefix] = text.slice(start, end).split("/");
  const [head = "", tail] = address.split("::");
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const hostBits = edge === "last" && prefix !== undefined ? 128 - Number(prefix) : 0;
  for (let i = 0; i < 8; i++) {
    const group = before[i] ?? after[i - 8 + after.length] ?? 0;
    const open = Math.min(16, Math.max(0, hostBits - 16 * (7 - i)));
    view.setUint16(to + 2 * i, group | ((1 << open) - 1));
  }
  return end;
}

function groupsOf(text: string): readonly number[] {
  return text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
}

/** IP protocol numbers: tcp, udp and sctp differ in their first letters. */
function protocolAt(text: string, at: number): number {
  const first = text[at];
  return first === "t" ? 6 : first === "u" ? 17 : 132;
}

/** A port, in network order and padded to a word; or a number of 32 bits. */
function writeDecimal(view: DataView, to: number, text: string, start: number, isPort: boolean): number {
  let value = 0;
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === space) break;
    value = value * 10 + code - 0x30;
  }
  if (isPort) view.setUint32(to, value << 16);
  else view.setUint32(to, value, littleEndian);
  return at;
}

/** Two halves in hexadecimal: `1:1f`. */
function writePriority(view: DataView, to: number, text: string, start: number): number {
  let high = 0;
  let low = 0;
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === space) break;
    if (code === colon) {
      high = low;
      low = 0;
    } else low = low * 16 + (code < colon ? code - 0x30 : code - 0x57);
  }
  view.setUint32(to, high * 0x1_0000 + low, littleEndian);
  return at;
}

function endOf(text: string, start: number): number {
  const end = text.indexOf(" ", start);
  return end < 0 ? text.length : end;
}
