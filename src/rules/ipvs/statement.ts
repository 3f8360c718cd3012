import type { Ip, IpFamily, Port, Protocol } from "../../core/index.ts";

/** What a virtual server is found by: an address of the node, or the mark that a packet carries, whatever its address. */
export type ServerKey = AddressKey | MarkKey;

export interface AddressKey {
  readonly protocol: Protocol;
  readonly ip: Ip;
  readonly port: Port;
}

export interface MarkKey {
  readonly mark: number;
  readonly family: IpFamily;
}

/** A virtual server: to what clients connect, and how a connection's destination is picked. */
export type VirtualServer = ServerKey & ServerSettings;

export interface ServerSettings {
  /** Name of the kernel's scheduler. */
  readonly scheduler: string;
  /** Flags of the scheduler by number: 1 is `sh-fallback` or `mh-fallback`, 2 is `sh-port` or `mh-port`. */
  readonly flags: readonly (1 | 2 | 3)[];
  /** How long a client stays with its destination; absent without session affinity. */
  readonly persistenceSeconds?: number;
}

/** Where a virtual server sends connections to. */
export interface Destination {
  readonly ip: Ip;
  readonly port: Port;
  readonly weight: number;
}

/** The sets of addresses that the fixed rules look at, without the prefix of their family. */
export type SetName =
  /** Every virtual server of ours, with the name of its Service: by this list a later process knows them again. */
  | "SERVICES"
  /** Addresses on the dummy device: nothing but virtual servers may be reached there. */
  | "VIPS"
  | "CLUSTER-IPS"
  /** Virtual servers whose clients are hidden behind the node's address. */
  | "MASQUERADE"
  /** Virtual servers without endpoints: refused, or silent because others have some. */
  | "REFUSED"
  | "DROPPED"
  /** Addresses of policy Local, with the mark by which this node's own pods and processes find all endpoints. */
  | "SHORT-CIRCUITS"
  /** Virtual servers with source ranges, and the ranges. */
  | "GUARDED"
  | "SOURCES"
  /** Endpoints here, which must see another source than themselves when they call their own Service. */
  | "LOOPBACK"
  /** Networks of the Services, and of this node's own pods. */
  | "RANGES"
  | "LOCAL";

/** An element of a set, in the words of ipset. */
export interface Member {
  readonly set: SetName;
  readonly family: IpFamily;
  readonly element: string;
  /** What packets to it are marked with. */
  readonly mark?: number;
  /** Name of the Service that it is there for. */
  readonly comment?: string;
}

/** One step. IPVS knows no transactions, so that the order of steps is part of their meaning. */
export type Statement =
  | { readonly kind: "add-member" | "delete-member"; readonly member: Member }
  | { readonly kind: "add-server" | "edit-server"; readonly server: VirtualServer }
  /** `gently`: once its last destination is gone. */
  | { readonly kind: "delete-server"; readonly server: ServerKey; readonly gently?: true }
  | {
      /** Deleting one of TCP is for whoever applies it to do gently: weight 0 first, gone when its connections are. */
      readonly kind: "add-destination" | "edit-destination" | "delete-destination";
      readonly server: ServerKey;
      readonly destination: Destination;
    }
  /** An address that the node takes as its own, by a route of the dummy device: IPVS sees only what is for the node itself. */
  | { readonly kind: "add-address" | "delete-address"; readonly ip: Ip };

/** Name of the dummy device of the routes for the addresses of Services, as kube-proxy calls it. */
export const dummyDevice = "kube-ipvs0";

/** What the names of all sets of ours begin with. */
export const setPrefix = "SEALANE-";

/** The name of a set in ipset. */
export function setName(set: SetName, family: IpFamily): string {
  return `${setPrefix}${family === "IPv4" ? "" : "6-"}${set}`;
}

/** A text that is equal for equal keys. */
export function serverId(key: ServerKey): string {
  return "mark" in key ? `${key.family} mark ${key.mark}` : `${key.protocol} ${key.ip} ${key.port}`;
}

/** A text that is equal for equal destinations of one server. */
export function destinationId({ ip, port }: { readonly ip: Ip; readonly port: Port }): string {
  return `${ip} ${port}`;
}
