import { ipToBytes, ipFromBytes } from "../core/index.ts";
import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";
import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, errnoIn, messagesIn, netlinkControl } from "./netlink-messages.ts";
import { inNamespace } from "./netns.ts";

/** A flow that the kernel tracks. */
export interface TrackedFlow {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  /** Where the client sends to. */
  readonly destination: Ip;
  readonly destinationPort: Port;
  /** Who answers: the endpoint, for a flow that a Service has redirected. */
  readonly answeredBy: Ip;
  readonly answeredFrom: Port;
  /** Whether anything has come back. */
  readonly isReplied: boolean;
  /** The kernel's own words for the flow; needed to delete it. */
  readonly tuple: Uint8Array;
}

/** Which flows: all of a family and protocol, or only those that also have these ends. */
export interface FlowQuery {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly destination?: { readonly ip?: Ip; readonly port: Port };
  readonly answeredBy?: { readonly ip: Ip; readonly port: Port };
  /** Only those to which nothing has come back. */
  readonly unreplied?: true;
}

/** The connection tracking of one network namespace. */
export interface Conntrack {
  /** The flows of a query. The kernel picks them, so that a million others cost no copy. */
  flows(query: FlowQuery): readonly TrackedFlow[];
  /** Forgets a flow; its next packet is a new one. A flow that has gone meanwhile is no error. */
  deleteFlow(flow: TrackedFlow): void;
}

// linux/netfilter/nfnetlink_conntrack.h
const messages = { get: (1 << 8) | 1, delete: (1 << 8) | 2 };
const attributes = { tupleOriginal: 1, tupleReply: 2, status: 3, filter: 25, statusMask: 26 };
/** IPS_SEEN_REPLY in linux/netfilter/nf_conntrack_common.h */
const seenReply = 1 << 1;
const tuple = { ip: 1, protocol: 2 };
const address = { v4Source: 1, v4Destination: 2, v6Source: 3, v6Destination: 4 };
const protocol = { number: 1, sourcePort: 2, destinationPort: 3 };
const filter = { originalFlags: 1, replyFlags: 2 };
/** Bits of the flags: what of a tuple must be equal (CTA_FILTER_F_ in nf_conntrack_netlink.c). */
const equal = { source: 1 << 0, destination: 1 << 1, protocol: 1 << 3, sourcePort: 1 << 4, destinationPort: 1 << 5 };
const flags = { request: 1, acknowledge: 4, dump: 0x300 };
const protocolNumbers: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };
const nested = 0x8000;
const noEntry = 2;

/** Opens connection tracking by netlink, without a process: in `namespace` (a path) or where the caller is. */
export function openConntrack(options: { readonly namespace?: string } = {}): Conntrack {
  const { namespace } = options;
  const withSocket = <T>(run: (socket: number) => T): T => {
    const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 12));
    const socket = namespace === undefined ? open() : inNamespace(namespace, open);
    try {
      return run(socket);
    } finally {
      libc().close(socket);
    }
  };
  return {
    flows: (query) => withSocket((socket) => dump(socket, query)),
    deleteFlow: (flow) => withSocket((socket) => remove(socket, flow)),
  };
}

function dump(socket: number, query: FlowQuery): readonly TrackedFlow[] {
  const action = `list tracked ${query.protocol} flows`;
  const writer = new NetlinkWriter();
  const request = writer.message(messages.get, flags.request | flags.dump, 1, () => {
    writer.u8(familyNumber(query.family), 0, 0, 0);
    writeQuery(writer, query);
  });
  checked(action, libc().send(socket, request, request.length, 0));
  const flows: TrackedFlow[] = [];
  const bytes = new Uint8Array(64 * 1024);
  for (;;) {
    const length = checked(action, libc().recv(socket, bytes, bytes.length, 0));
    for (const message of messagesIn(bytes.subarray(0, length))) {
      if (message.type === netlinkControl.done) return flows;
      if (message.type === netlinkControl.error) throw new KernelError(action, errnoIn(message.body));
      const flow = readFlow(message.body.subarray(4));
      if (flow !== undefined) flows.push(flow);
    }
  }
}

/** The parts of the two tuples that must be equal, and which parts those are; and the status. */
function writeQuery(
  writer: NetlinkWriter,
  { family, protocol: name, destination, answeredBy, unreplied }: FlowQuery,
): void {
  if (unreplied === true) {
    writer.attribute(attributes.status, bigEndian(0));
    writer.attribute(attributes.statusMask, bigEndian(seenReply));
  }
  const v4 = family === "IPv4";
  const writeProtocol = (port?: { readonly kind: number; readonly value: Port }): void => {
    writer.attribute(tuple.protocol | nested, () => {
      writer.attribute(protocol.number, Uint8Array.of(protocolNumbers[name]));
      if (port !== undefined) writer.attribute(port.kind, Uint8Array.of(port.value >> 8, port.value & 255));
    });
  };
  let original = equal.protocol;
  writer.attribute(attributes.tupleOriginal | nested, () => {
    const ip = destination?.ip;
    if (ip !== undefined) {
      original |= equal.destination;
      writer.attribute(tuple.ip | nested, () => {
        writer.attribute(v4 ? address.v4Destination : address.v6Destination, ipToBytes(ip));
      });
    }
    if (destination === undefined) return writeProtocol();
    original |= equal.destinationPort;
    writeProtocol({ kind: protocol.destinationPort, value: destination.port });
  });
  if (answeredBy !== undefined) {
    writer.attribute(attributes.tupleReply | nested, () => {
      writer.attribute(tuple.ip | nested, () => {
        writer.attribute(v4 ? address.v4Source : address.v6Source, ipToBytes(answeredBy.ip));
      });
      writeProtocol({ kind: protocol.sourcePort, value: answeredBy.port });
    });
  }
  writer.attribute(attributes.filter | nested, () => {
    writer.attribute32(filter.originalFlags, original);
    if (answeredBy !== undefined) {
      writer.attribute32(filter.replyFlags, equal.source | equal.protocol | equal.sourcePort);
    }
  });
}

function remove(socket: number, flow: TrackedFlow): void {
  const action = `forget the ${flow.protocol} flow to ${flow.destination}:${flow.destinationPort}`;
  const writer = new NetlinkWriter();
  const message = writer.message(messages.delete, flags.request | flags.acknowledge, 1, () => {
    writer.u8(familyNumber(flow.family), 0, 0, 0);
    writer.attribute(attributes.tupleOriginal | nested, flow.tuple);
  });
  checked(action, libc().send(socket, message, message.length, 0));
  const bytes = new Uint8Array(4096);
  const length = checked(action, libc().recv(socket, bytes, bytes.length, 0));
  for (const answer of messagesIn(bytes.subarray(0, length))) {
    const errno = answer.type === netlinkControl.error ? errnoIn(answer.body) : 0;
    if (errno !== 0 && errno !== noEntry) throw new KernelError(action, errno);
  }
}

interface Tuple {
  readonly protocol: Protocol;
  readonly source: Ip;
  readonly sourcePort: Port;
  readonly destination: Ip;
  readonly destinationPort: Port;
}

function readFlow(bytes: Uint8Array): TrackedFlow | undefined {
  const found = attributesIn(bytes);
  const raw = found.get(attributes.tupleOriginal);
  const original = readTuple(raw);
  const reply = readTuple(found.get(attributes.tupleReply));
  if (raw === undefined || original === undefined || reply === undefined) return undefined;
  return {
    family: original.destination.includes(":") ? "IPv6" : "IPv4",
    protocol: original.protocol,
    destination: original.destination,
    destinationPort: original.destinationPort,
    answeredBy: reply.source,
    answeredFrom: reply.sourcePort,
    isReplied: ((found.get(attributes.status)?.at(-1) ?? 0) & seenReply) !== 0,
    tuple: raw.slice(),
  };
}

function readTuple(bytes: Uint8Array | undefined): Tuple | undefined {
  if (bytes === undefined) return undefined;
  const found = attributesIn(bytes);
  const ip = attributesIn(found.get(tuple.ip) ?? new Uint8Array());
  const transport = attributesIn(found.get(tuple.protocol) ?? new Uint8Array());
  const source = ip.get(address.v4Source) ?? ip.get(address.v6Source);
  const destination = ip.get(address.v4Destination) ?? ip.get(address.v6Destination);
  const sourcePort = transport.get(protocol.sourcePort);
  const destinationPort = transport.get(protocol.destinationPort);
  const number = transport.get(protocol.number)?.[0];
  const name = (["TCP", "UDP", "SCTP"] as const).find((known) => protocolNumbers[known] === number);
  if (name === undefined) return undefined;
  if (source === undefined || destination === undefined || sourcePort === undefined) return undefined;
  if (destinationPort === undefined) return undefined;
  return {
    protocol: name,
    source: ipFromBytes(source),
    sourcePort: portOf(sourcePort),
    destination: ipFromBytes(destination),
    destinationPort: portOf(destinationPort),
  };
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

function portOf([high = 0, low = 0]: Uint8Array): Port {
  return high * 256 + low;
}

function familyNumber(family: IpFamily): number {
  return family === "IPv4" ? 2 : 10;
}
