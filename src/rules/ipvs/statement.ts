import type { Ip, IpFamily, Port, Protocol } from "../../core/index.ts";

/** What a virtual server is found by. */
export interface ServerKey {
  readonly protocol: Protocol;
  readonly ip: Ip;
  readonly port: Port;
}

/** A virtual server: an address of the node to which clients connect, and how a connection's destination is picked. */
export interface VirtualServer extends ServerKey {
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
  /** Name of the Service that it is there for. */
  readonly comment?: string;
}

/** One step. IPVS knows no transactions, so that the order of steps is part of their meaning. */
export type Statement =
  | { readonly kind: "add-member" | "delete-member"; readonly member: Member }
  | { readonly kind: "add-server" | "edit-server"; readonly server: VirtualServer }
  | { readonly kind: "delete-server"; readonly server: ServerKey }
  | {
      /** Deleting one of TCP is for whoever applies it to do gently: weight 0 first, gone when its connections are. */
      readonly kind: "add-destination" | "edit-destination" | "delete-destination";
      readonly server: ServerKey;
      readonly destination: Destination;
    }
  /** An address of the dummy device. */
  | { readonly kind: "add-address" | "delete-address"; readonly ip: Ip };

/** Name of the dummy device that has the addresses of Services, as kube-proxy calls it. */
export const dummyDevice = "kube-ipvs0";

/** The name of a set in ipset. */
export function setName(set: SetName, family: IpFamily): string {
  return `SEALANE-${family === "IPv4" ? "" : "6-"}${set}`;
}

/** A text that is equal for equal keys. */
export function serverId({ protocol, ip, port }: ServerKey): string {
  return `${protocol} ${ip} ${port}`;
}

/** A text that is equal for equal destinations of one server. */
export function destinationId({ ip, port }: { readonly ip: Ip; readonly port: Port }): string {
  return `${ip} ${port}`;
}
