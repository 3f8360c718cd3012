import { ipFamily, ipFromBytes, ipToBytes, parseIp } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import type { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, attributeListIn } from "./netlink-messages.ts";

/** An element of a set. */
export interface IpsetElement {
  /** As `ipset save` prints it: addresses or networks and a protocol with its port, with commas between them. */
  readonly element: string;
  /** For packets that match, in sets that have such marks (`skbinfo`). */
  readonly mark?: number;
  /** At most 255 bytes. */
  readonly comment?: string;
}

/** A set that is to be made: `comment` and room for a million elements are always there. */
export interface IpsetDefinition {
  readonly name: string;
  /** Such as `hash:ip,port`. */
  readonly type: string;
  readonly family: IpFamily;
  /** Whether elements may have marks. */
  readonly marks: boolean;
}

/** A set without its elements. */
export interface IpsetHeader {
  readonly name: string;
  /** How many elements it has. */
  readonly elements: number;
  /** How many rules name it. */
  readonly references: number;
}

// linux/netfilter/nfnetlink.h, linux/netfilter/ipset/ip_set.h
export const ipsetCommands = { create: 2, destroy: 3, list: 7, add: 9, delete: 10, type: 13 };
export const ipsetAttributes = { protocol: 1, set: 2, type: 3, revision: 4, family: 5, flags: 6, data: 7, elements: 8 };
/** Flag of a list: the sets without their elements. */
export const headersOnly = 4;
const inner = {
  ip: 1,
  prefix: 3,
  port: 4,
  protocol: 7,
  flags: 8,
  most: 19,
  secondIp: 20,
  secondPrefix: 21,
  count: 24,
  references: 25,
  comment: 26,
  mark: 27,
};
const withComment = 1 << 4;
const withMarks = 1 << 6;
const mostElements = 1_048_576;
const nested = 0x8000;
const networkOrder = 0x4000;
/** Version of the messages: that of ipset 6.31 and Linux 3.14 on. */
const protocolVersion = 6;
const protocols: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["sctp", 132],
]);
const protocolNames: ReadonlyMap<number, string> = new Map([...protocols].map(([name, number]) => [number, name]));

/** The type of a message, for the subsystem of ipset in netfilter. */
export function ipsetMessage(command: number): number {
  return (6 << 8) | command;
}

/** What every message begins with; struct nfgenmsg first, its family is the set's own. */
export function writeHead(writer: NetlinkWriter, set?: string): NetlinkWriter {
  writer.u8(0, 0).u16(0).attribute(ipsetAttributes.protocol, Uint8Array.of(protocolVersion));
  return set === undefined ? writer : writer.attribute(ipsetAttributes.set, set);
}

/** The attributes after the head that ask about a type of sets. */
export function writeType(writer: NetlinkWriter, { type, family }: IpsetDefinition): NetlinkWriter {
  return writer
    .attribute(ipsetAttributes.type, type)
    .attribute(ipsetAttributes.family, Uint8Array.of(family === "IPv4" ? 2 : 10));
}

/** Those that make a set; `revision` is what the kernel has of the type. */
export function writeDefinition(writer: NetlinkWriter, set: IpsetDefinition, revision: number): void {
  writeType(writer, set).attribute(ipsetAttributes.revision, Uint8Array.of(revision));
  writer.attribute(ipsetAttributes.data | nested, () => {
    writer.attribute(inner.most | networkOrder, numberBytes(mostElements));
    writer.attribute(inner.flags | networkOrder, numberBytes(withComment | (set.marks ? withMarks : 0)));
  });
}

/** A number of 32 bits in the order of networks. */
export function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The attribute of an element that comes (with its mark and comment) or goes (`bare`). Throws `RangeError` for a text that is none. */
export function writeElement(
  writer: NetlinkWriter,
  { element, mark, comment }: IpsetElement,
  { bare }: { readonly bare: boolean },
): void {
  writer.attribute(ipsetAttributes.data | nested, () => {
    writePlace(writer, element);
    if (bare) return;
    if (mark !== undefined) writer.attribute(inner.mark | networkOrder, markBytes(mark));
    if (comment !== undefined) writer.attribute(inner.comment, comment);
  });
}

function writePlace(writer: NetlinkWriter, element: string): void {
  let isFirst = true;
  for (const part of element.split(",")) {
    const colon = part.indexOf(":");
    const number = colon < 0 ? undefined : protocols.get(part.slice(0, colon));
    if (number !== undefined) {
      const port = Number(part.slice(colon + 1));
      writer.attribute(inner.port | networkOrder, Uint8Array.of(port >> 8, port & 0xff));
      writer.attribute(inner.protocol, Uint8Array.of(number));
      continue;
    }
    const slash = part.indexOf("/");
    const ip = parseIp(slash < 0 ? part : part.slice(0, slash));
    if (ip === undefined) throw new RangeError(`${part} is no address`);
    writeAddress(writer, isFirst ? inner.ip : inner.secondIp, ip);
    if (slash >= 0)
      writer.attribute(isFirst ? inner.prefix : inner.secondPrefix, Uint8Array.of(Number(part.slice(slash + 1))));
    isFirst = false;
  }
}

function writeAddress(writer: NetlinkWriter, type: number, ip: Ip): void {
  writer.attribute(type | nested, () => {
    writer.attribute((ipFamily(ip) === "IPv4" ? 1 : 2) | networkOrder, ipToBytes(ip));
  });
}

/** The mark and its mask of all ones, 64 bits in the order of networks. */
function markBytes(mark: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, mark);
  view.setUint32(4, 0xffff_ffff);
  return bytes;
}

/** What one message of a list says, `body` after its struct nfgenmsg: of a big set, several messages have parts. */
export function readListed(body: Uint8Array): {
  readonly name: string;
  /** Absent in all messages about a set but the first. */
  readonly count: number | undefined;
  readonly references: number;
  readonly elements: readonly IpsetElement[];
} {
  const found = attributesIn(body);
  const data = found.get(ipsetAttributes.data);
  const header = data === undefined ? undefined : attributesIn(data);
  const count = header?.get(inner.count);
  const references = header?.get(inner.references);
  const elements = attributeListIn(found.get(ipsetAttributes.elements) ?? new Uint8Array());
  return {
    name: textIn(found.get(ipsetAttributes.set)),
    count: count === undefined ? undefined : numberAt(count),
    references: references === undefined ? 0 : numberAt(references),
    elements: elements.map(readElement),
  };
}

function readElement(bytes: Uint8Array): IpsetElement {
  const found = attributesIn(bytes);
  const parts = [placeText(found.get(inner.ip), found.get(inner.prefix))];
  const port = found.get(inner.port);
  const [protocol = 0] = found.get(inner.protocol) ?? [];
  if (port !== undefined) parts.push(`${protocolNames.get(protocol) ?? protocol}:${numberAt(port)}`);
  const second = found.get(inner.secondIp);
  if (second !== undefined) parts.push(placeText(second, found.get(inner.secondPrefix)));
  const mark = found.get(inner.mark);
  const comment = found.get(inner.comment);
  return {
    element: parts.join(","),
    ...(mark === undefined ? {} : { mark: numberAt(mark.subarray(0, 4)) }),
    ...(comment === undefined ? {} : { comment: textIn(comment) }),
  };
}

/** An address, with the length of its network when there are more bits than these. */
function placeText(bytes: Uint8Array = new Uint8Array(), [prefix]: Uint8Array = new Uint8Array()): string {
  const address = [...attributesIn(bytes).values()][0] ?? new Uint8Array(4);
  const text = ipFromBytes(address);
  return prefix === undefined || prefix === address.length * 8 ? text : `${text}/${prefix}`;
}

function numberAt(bytes: Uint8Array): number {
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

const decoder = new TextDecoder();

function textIn(bytes: Uint8Array = new Uint8Array()): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The newest revision that a type has, in an answer about it; `body` after its struct nfgenmsg. */
export function readRevision(body: Uint8Array): number {
  return attributesIn(body).get(ipsetAttributes.revision)?.[0] ?? 0;
}
