import { CodedError, ipFamily, ipToBytes, parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { checked, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { sendRequests } from "./netlink-requests.ts";
import { inNamespace } from "./netns.ts";

/** An element that comes into a set or leaves it. Adding what is there changes its mark and comment, deleting what is not there is no error. */
export interface IpsetChange {
  readonly kind: "add" | "delete";
  /** The set's name. */
  readonly set: string;
  /** As `ipset save` prints it: addresses or networks and a protocol with its port, with commas between them. */
  readonly element: string;
  /** For packets that match, in sets that have such marks (`skbinfo`). */
  readonly mark?: number;
  /** At most 255 bytes. */
  readonly comment?: string;
}

/** The elements of sets in one network namespace. The sets themselves are made by `ipset restore`. */
export interface Ipset {
  /**
   * Makes the changes in their order, about a hundred with one call and without a process. Throws `CodedError` with the change in ipset's words at the
   * first that the kernel refuses: code `ENOENT` when there is no such set, `IpsetRefused` otherwise. Those around it are made all the same.
   */
  change(changes: readonly IpsetChange[]): void;
  close(): void;
}

// linux/netlink.h, linux/netfilter/nfnetlink.h, linux/netfilter/ipset/ip_set.h
const netfilter = 12;
const subsystem = 6 << 8;
const commands = { add: 9, delete: 10 };
const request = 1;
const outer = { protocol: 1, set: 2, data: 7 };
const inner = { ip: 1, prefix: 3, port: 4, protocol: 7, secondIp: 20, secondPrefix: 21, comment: 26, mark: 27 };
const nested = 0x8000;
const networkOrder = 0x4000;
/** Version of the messages: that of ipset 6.31 and Linux 3.14 on. */
const protocolVersion = 6;
const protocols: ReadonlyMap<string, number> = new Map([
  ["tcp", 6],
  ["udp", 17],
  ["sctp", 132],
]);

/** Opens ipset by netlink: in `namespace` (a path) or where the caller is. */
export function openIpset({ namespace }: { readonly namespace?: string } = {}): Ipset {
  const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, netfilter));
  const socket = namespace === undefined ? open() : inNamespace(namespace, open);
  const on = new Uint8Array(new Uint32Array([1]).buffer);
  libc().setsockopt(socket, 270, 10, on, 4); // NETLINK_CAP_ACK
  const writer = new NetlinkWriter();
  return {
    change(changes) {
      const changeAt = (at: number): IpsetChange => changes[at] ?? missing();
      sendRequests(socket, {
        count: changes.length,
        encode: (at) => encode(writer, changeAt(at), at + 1),
        failed: (at, { errno }) => {
          throw refusal(changeAt(at), errno);
        },
      });
    },
    close: () => void libc().close(socket),
  };
}

function encode(writer: NetlinkWriter, change: IpsetChange, sequence: number): Uint8Array {
  return writer.message(subsystem | commands[change.kind], request, sequence, () => {
    // struct nfgenmsg: the family is the set's own.
    writer.u8(0, 0).u16(0);
    writer.attribute(outer.protocol, Uint8Array.of(protocolVersion)).attribute(outer.set, change.set);
    writer.attribute(outer.data | nested, () => {
      writeElement(writer, change);
      const { kind, mark, comment } = change;
      if (kind === "delete") return;
      if (mark !== undefined) writer.attribute(inner.mark | networkOrder, markBytes(mark));
      if (comment !== undefined) writer.attribute(inner.comment, comment);
    });
  });
}

function writeElement(writer: NetlinkWriter, change: IpsetChange): void {
  let isFirst = true;
  for (const part of change.element.split(",")) {
    const [, protocol = "", port = ""] = /^([a-z]+):(\d+)$/.exec(part) ?? [];
    const number = protocols.get(protocol);
    if (number !== undefined) {
      writer.attribute(inner.port | networkOrder, Uint8Array.of(Number(port) >> 8, Number(port) & 0xff));
      writer.attribute(inner.protocol, Uint8Array.of(number));
      continue;
    }
    const [text = "", prefix] = part.split("/");
    const ip = parseIp(text);
    if (ip === undefined) throw new CodedError("IpsetRefused", `${describe(change)}: ${part} is no address`);
    writeAddress(writer, isFirst ? inner.ip : inner.secondIp, ip);
    if (prefix !== undefined)
      writer.attribute(isFirst ? inner.prefix : inner.secondPrefix, Uint8Array.of(Number(prefix)));
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

/** ipset's own numbers of errors begin at 4096, those of hashes at 4352. */
const reasons: ReadonlyMap<number, readonly [code: string, text: string]> = new Map([
  [1, ["EPERM", "this takes root, or CAP_NET_ADMIN in the network namespace"]],
  [2, ["ENOENT", "there is no such set"]],
  [4097, ["IpsetRefused", "the set takes no address of this family, or the kernel's ipset is of another version"]],
  [4104, ["IpsetRefused", "a network of this size cannot be in a set"]],
  [4112, ["IpsetRefused", "the set has no comments"]],
  [4114, ["IpsetRefused", "the set has no marks"]],
  [4352, ["IpsetRefused", "the set is full"]],
  [4353, ["IpsetRefused", "this cannot be in a set"]],
]);

function refusal(change: IpsetChange, errno: number): CodedError {
  const [code, text] = reasons.get(errno) ?? ["IpsetRefused", `error ${errno}`];
  return new CodedError(code, `${describe(change)}: ${text}`);
}

function describe({ kind, set, element }: IpsetChange): string {
  return `ipset ${kind === "add" ? "add" : "del"} ${set} ${element}`;
}

function missing(): never {
  throw new RangeError("a change is missing");
}
