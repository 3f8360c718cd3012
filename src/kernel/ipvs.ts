import { CodedError, ipFamily, ipFromBytes, ipToBytes } from "../core/index.ts";
import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";
import { GenericNetlink } from "./generic-netlink.ts";
import { KernelError } from "./libc.ts";
import type { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, numberIn } from "./netlink-messages.ts";

/** What a virtual server is found by: an address, or the mark of a packet. */
export type IpvsServerKey =
  | { readonly protocol: Protocol; readonly ip: Ip; readonly port: Port }
  | { readonly mark: number; readonly family: IpFamily };

/** A virtual server, and how one of its destinations is picked. */
export type IpvsServer = IpvsServerKey & IpvsServerSettings;

export interface IpvsServerSettings {
  /** Name of a scheduler, such as `rr`; its module must be there or be loadable. */
  readonly scheduler: string;
  /** The scheduler's own flags, by number: 1 is sh-fallback or mh-fallback, 2 is sh-port or mh-port. */
  readonly flags: readonly (1 | 2 | 3)[];
  /** How long a client stays with its destination; absent without persistence. */
  readonly persistenceSeconds?: number;
}

/** Where a virtual server sends connections to, by network address translation. */
export interface IpvsDestination {
  readonly ip: Ip;
  readonly port: Port;
  /** 0: no new connections. */
  readonly weight: number;
}

/** A destination as the kernel has it. */
export interface IpvsDestinationState extends IpvsDestination {
  /** Connections that are open, and those that are closing or idle. */
  readonly active: number;
  readonly inactive: number;
}

/**
 * One change. Adding what is there changes it; deleting what is not there, or taking its weight away, is no error: a script may be given twice, and
 * after a part of it was made.
 */
export type IpvsChange =
  | { readonly kind: "add-server" | "edit-server"; readonly server: IpvsServer }
  | { readonly kind: "delete-server"; readonly server: IpvsServerKey }
  | {
      readonly kind: "add-destination" | "edit-destination" | "delete-destination";
      readonly server: IpvsServerKey;
      readonly destination: IpvsDestination;
    };

/** Timeouts of connections in seconds; 0 leaves what is set. */
export interface IpvsTimeouts {
  readonly tcpSeconds: number;
  readonly tcpFinSeconds: number;
  readonly udpSeconds: number;
}

/** The virtual servers of one network namespace. */
export interface Ipvs {
  /** Throws `KernelError`. */
  setTimeouts(timeouts: IpvsTimeouts): void;
  servers(): readonly IpvsServer[];
  /** Empty when there is no such server. */
  destinations(server: IpvsServerKey): readonly IpvsDestinationState[];
  /**
   * Makes the changes in their order, many at a time, and stops soon after one that the kernel refuses: throws `KernelError` with what
   * was tried in the words of ipvsadm, or `CodedError` code `SchedulerMissing`. IPVS has no transactions: those before stay made.
   */
  change(changes: readonly IpvsChange[]): void;
  close(): void;
}

// linux/ip_vs.h
const commands = {
  newServer: 1,
  setServer: 2,
  deleteServer: 3,
  getServer: 4,
  newDest: 5,
  setDest: 6,
  deleteDest: 7,
  getDest: 8,
  setConfig: 12,
};
const outer = { server: 1, destination: 2, tcp: 4, tcpFin: 5, udp: 6 };
const server = { family: 1, protocol: 2, address: 3, port: 4, mark: 5, scheduler: 6, flags: 7, timeout: 8, netmask: 9 };
const destination = { address: 1, port: 2, forward: 3, weight: 4, upper: 5, lower: 6, active: 7, inactive: 8 };
const persistent = 1;
const schedulerFlags = [8, 16, 32] as const;
const protocols: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/**
 * Opens IPVS by generic netlink, without a process: in `namespace` (a path) or where the caller is. Throws `CodedError` code
 * `IpvsMissing` when this kernel has none.
 */
export function openIpvs({ namespace }: { readonly namespace?: string } = {}): Ipvs {
  let netlink: GenericNetlink;
  try {
    netlink = new GenericNetlink("IPVS", namespace);
  } catch (error) {
    throw new CodedError(
      "IpvsMissing",
      "This kernel has no IPVS, which proxy mode ipvs needs: load it with `modprobe ip_vs`; where the kernel has no such module, use proxy mode nftables or iptables",
      { cause: error },
    );
  }
  return {
    servers: () => {
      const servers: IpvsServer[] = [];
      for (const body of netlink.dump("ipvsadm -S -n", commands.getServer)) {
        const read = readServer(attributesIn(body).get(outer.server));
        if (read !== undefined) servers.push(read);
      }
      return servers;
    },
    destinations: (key) => {
      const action = `ipvsadm -L -n ${addressText(key)}`;
      const destinations: IpvsDestinationState[] = [];
      try {
        for (const body of netlink.dump(action, commands.getDest, (writer) => writeKey(writer, key))) {
          const read = readDestination(attributesIn(body).get(outer.destination), key);
          if (read !== undefined) destinations.push(read);
        }
      } catch (error) {
        if (!isCode(error, "ESRCH")) throw error;
      }
      return destinations;
    },
    change: (changes) => applyChanges(netlink, changes),
    setTimeouts: ({ tcpSeconds, tcpFinSeconds, udpSeconds }) => {
      const errno = netlink.ask(commands.setConfig, (writer) => {
        writer
          .attribute32(outer.tcp, tcpSeconds)
          .attribute32(outer.tcpFin, tcpFinSeconds)
          .attribute32(outer.udp, udpSeconds);
      });
      if (errno !== 0) throw new KernelError(`ipvsadm --set ${tcpSeconds} ${tcpFinSeconds} ${udpSeconds}`, errno);
    },
    close: () => netlink.close(),
  };
}

function applyChanges(netlink: GenericNetlink, changes: readonly IpvsChange[]): void {
  const requests = changes.map((change) => ({
    command: commandOf(change.kind),
    body: (writer: NetlinkWriter) => writeChange(writer, change),
  }));
  netlink.tell(requests, (at, errno) => {
    const change = changes[at];
    if (change === undefined) return;
    const again = errno === codes.exists ? editOf(change) : undefined;
    const left =
      again === undefined ? errno : netlink.ask(commandOf(again.kind), (writer) => writeChange(writer, again));
    if (left === 0 || (isAboutEnd(change) && (left === codes.noEntry || left === codes.noServer))) return;
    if (left === codes.noEntry && (change.kind === "add-server" || change.kind === "edit-server")) {
      const { scheduler } = change.server;
      throw new CodedError(
        "SchedulerMissing",
        `This kernel has no IPVS scheduler ${scheduler}: load it with \`modprobe ip_vs_${scheduler}\``,
      );
    }
    throw new KernelError(describeIpvsChange(change), left === codes.noServer ? codes.noEntry : left);
  });
}

const codes = { noEntry: 2, noServer: 3, exists: 17 };

/** Whether it only takes something away, also in steps: a destination of weight 0 is to go. */
function isAboutEnd(change: IpvsChange): boolean {
  return change.kind.startsWith("delete") || (change.kind === "edit-destination" && change.destination.weight === 0);
}

function commandOf(kind: IpvsChange["kind"]): number {
  switch (kind) {
    case "add-server":
      return commands.newServer;
    case "edit-server":
      return commands.setServer;
    case "delete-server":
      return commands.deleteServer;
    case "add-destination":
      return commands.newDest;
    case "edit-destination":
      return commands.setDest;
    case "delete-destination":
      return commands.deleteDest;
  }
}

function editOf(change: IpvsChange): IpvsChange | undefined {
  if (change.kind === "add-server") return { ...change, kind: "edit-server" };
  if (change.kind === "add-destination") return { ...change, kind: "edit-destination" };
  return undefined;
}

/** The change as ipvsadm would be told it: for messages and logs. */
export function describeIpvsChange(change: IpvsChange): string {
  const where = addressText(change.server);
  switch (change.kind) {
    case "add-server":
    case "edit-server":
      return `ipvsadm ${change.kind === "add-server" ? "-A" : "-E"} ${where} -s ${change.server.scheduler}`;
    case "delete-server":
      return `ipvsadm -D ${where}`;
    case "add-destination":
    case "edit-destination":
    case "delete-destination": {
      const letter = { "add-destination": "-a", "edit-destination": "-e", "delete-destination": "-d" }[change.kind];
      const { ip, port, weight } = change.destination;
      return `ipvsadm ${letter} ${where} -r ${placeText(ip, port)}${change.kind === "delete-destination" ? "" : ` -m -w ${weight}`}`;
    }
  }
}

function addressText(key: IpvsServerKey): string {
  if ("mark" in key) return `-f ${key.mark}${key.family === "IPv6" ? " -6" : ""}`;
  const { protocol, ip, port } = key;
  return `${{ TCP: "-t", UDP: "-u", SCTP: "--sctp-service" }[protocol]} ${placeText(ip, port)}`;
}

function placeText(ip: Ip, port: Port): string {
  return ipFamily(ip) === "IPv4" ? `${ip}:${port}` : `[${ip}]:${port}`;
}

function writeChange(writer: NetlinkWriter, change: IpvsChange): void {
  switch (change.kind) {
    case "add-server":
    case "edit-server":
      return writeKey(writer, change.server, () => writeSettings(writer, change.server));
    case "delete-server":
      return writeKey(writer, change.server);
    case "add-destination":
    case "edit-destination":
    case "delete-destination": {
      const { ip, port, weight } = change.destination;
      writeKey(writer, change.server);
      writer.attribute(outer.destination, () => {
        writer.attribute(destination.address, addressBytes(ip)).attribute(destination.port, portBytes(port));
        // Forwarding method 0 is masquerading: the only one that changes ports. No limits of connections.
        writer.attribute32(destination.forward, 0).attribute32(destination.weight, weight);
        writer.attribute32(destination.upper, 0).attribute32(destination.lower, 0);
      });
    }
  }
}

function writeKey(writer: NetlinkWriter, key: IpvsServerKey, more: () => void = () => undefined): void {
  writer.attribute(outer.server, () => {
    writer.attribute16(server.family, familyOf(key) === "IPv4" ? 2 : 10);
    if ("mark" in key) writer.attribute32(server.mark, key.mark);
    else {
      writer.attribute16(server.protocol, protocols[key.protocol]);
      writer.attribute(server.address, addressBytes(key.ip)).attribute(server.port, portBytes(key.port));
    }
    more();
  });
}

function familyOf(key: IpvsServerKey): IpFamily {
  return "mark" in key ? key.family : ipFamily(key.ip);
}

function writeSettings(writer: NetlinkWriter, one: IpvsServer): void {
  const { scheduler, flags, persistenceSeconds } = one;
  const bits = flags.reduce<number>((sum, flag) => sum | (schedulerFlags[flag - 1] ?? 0), 0);
  const all = schedulerFlags.reduce((sum, flag) => sum | flag, persistent);
  writer.attribute(server.scheduler, scheduler);
  writer.attribute(
    server.flags,
    () => void writer.u32(bits | (persistenceSeconds === undefined ? 0 : persistent)).u32(all),
  );
  writer.attribute32(server.timeout, persistenceSeconds ?? 0);
  // One client is one address: all ones as a mask, or as the length of a prefix.
  writer.attribute32(server.netmask, familyOf(one) === "IPv4" ? 0xffff_ffff : 128);
}

/** Both families have 16 bytes. */
function addressBytes(ip: Ip): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes.set(ipToBytes(ip));
  return bytes;
}

function portBytes(port: Port): Uint8Array {
  return Uint8Array.of(port >> 8, port & 0xff);
}

const nothing = new Uint8Array();

/** `undefined` for one of a protocol that no Service has. */
function readServer(bytes: Uint8Array | undefined): IpvsServer | undefined {
  const found = attributesIn(bytes ?? nothing);
  const family = numberIn(found.get(server.family));
  const bits = numberIn(found.get(server.flags)?.subarray(0, 4));
  const settings: IpvsServerSettings = {
    scheduler: textIn(found.get(server.scheduler)),
    flags: ([1, 2, 3] as const).filter((flag) => (bits & (schedulerFlags[flag - 1] ?? 0)) !== 0),
    ...((bits & persistent) === 0 ? {} : { persistenceSeconds: numberIn(found.get(server.timeout)) }),
  };
  const mark = found.get(server.mark);
  if (mark !== undefined) return { mark: numberIn(mark), family: family === 2 ? "IPv4" : "IPv6", ...settings };
  const ip = readAddress(found.get(server.address), family);
  const number = numberIn(found.get(server.protocol));
  const protocol = (["TCP", "UDP", "SCTP"] as const).find((name) => protocols[name] === number);
  if (ip === undefined || protocol === undefined) return undefined;
  return { protocol, ip, port: readPort(found.get(server.port)), ...settings };
}

function readDestination(bytes: Uint8Array | undefined, key: IpvsServerKey): IpvsDestinationState | undefined {
  const found = attributesIn(bytes ?? nothing);
  const ip = readAddress(found.get(destination.address), familyOf(key) === "IPv4" ? 2 : 10);
  if (ip === undefined) return undefined;
  return {
    ip,
    port: readPort(found.get(destination.port)),
    weight: numberIn(found.get(destination.weight)),
    active: numberIn(found.get(destination.active)),
    inactive: numberIn(found.get(destination.inactive)),
  };
}

function readAddress(bytes: Uint8Array | undefined, family: number): Ip | undefined {
  return bytes === undefined ? undefined : ipFromBytes(bytes.subarray(0, family === 2 ? 4 : 16));
}

function readPort([high = 0, low = 0]: Uint8Array = new Uint8Array()): Port {
  return high * 256 + low;
}

function textIn(bytes: Uint8Array = new Uint8Array()): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof KernelError && error.code === code;
}
