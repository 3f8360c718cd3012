import type { Cidr, Ip } from "../core/index.ts";

/** A hardware address such as `02:00:c0:a8:64:0b`. */
export type MacAddress = string;

/** One change to the links, addresses and routes of the namespace in which it is applied. */
export type LinkStep =
  | { readonly kind: "bridge"; readonly name: string }
  /** A link to nowhere, up, to hold addresses. */
  | { readonly kind: "dummy"; readonly name: string }
  | {
      /** A pair of links: one end here and up, the other, still down, in the namespace at `peer.namespace` (a path). */
      readonly kind: "veth";
      readonly name: string;
      readonly mac?: MacAddress;
      readonly master?: string;
      readonly peer: { readonly name: string; readonly mac?: MacAddress; readonly namespace: string };
    }
  | { readonly kind: "link"; readonly name: string; readonly state: "up" | "down" }
  | { readonly kind: "delete-link"; readonly name: string }
  | {
      readonly kind: "address";
      readonly address: Ip;
      readonly prefix: number;
      readonly link: string;
      /** "host": the kernel never chooses the address as the source of packets that leave the machine. */
      readonly scope?: "global" | "host";
    }
  | { readonly kind: "delete-address"; readonly address: Ip; readonly prefix: number; readonly link: string }
  | {
      /** Replaces the route to the same destination. Without `via` the destination is on the link itself. */
      readonly kind: "route";
      readonly to: Cidr;
      readonly via?: Ip;
      readonly link: string;
      /** The address that local senders use towards this destination. */
      readonly source?: Ip;
    }
  | { readonly kind: "delete-route"; readonly to: Cidr; readonly link: string }
  | {
      /** Lets the machine take packets to an address as its own without having it: ip-route(8), type local. Replaces the route that is there. */
      readonly kind: "local-route";
      readonly address: Ip;
      readonly link: string;
      /** Where local senders call the address from; by default the kernel chooses, in IPv4 the very address. */
      readonly source?: Ip;
    }
  | { readonly kind: "delete-local-route"; readonly address: Ip; readonly link: string }
  | { readonly kind: "neighbour"; readonly address: Ip; readonly mac: MacAddress; readonly link: string };

/** The step as the `ip` command would be told it: for messages, logs and golden tests. */
export function describeStep(step: LinkStep): string {
  switch (step.kind) {
    case "bridge":
      return `link add ${step.name} up type bridge`;
    case "dummy":
      return `link add ${step.name} up type dummy`;
    case "veth": {
      const mac = step.mac === undefined ? "" : ` address ${step.mac}`;
      const master = step.master === undefined ? "" : ` master ${step.master}`;
      const peerMac = step.peer.mac === undefined ? "" : ` address ${step.peer.mac}`;
      const namespace = step.peer.namespace.slice(step.peer.namespace.lastIndexOf("/") + 1);
      return `link add ${step.name} up${mac}${master} type veth peer name ${step.peer.name}${peerMac} netns ${namespace}`;
    }
    case "link":
      return `link set ${step.name} ${step.state}`;
    case "delete-link":
      return `link delete ${step.name}`;
    case "address":
      return `address replace ${step.address}/${step.prefix} dev ${step.link} scope ${step.scope ?? "global"}`;
    case "delete-address":
      return `address delete ${step.address}/${step.prefix} dev ${step.link}`;
    case "route": {
      const via = step.via === undefined ? "" : ` via ${step.via}`;
      const scope = step.via === undefined ? " scope link" : "";
      const source = step.source === undefined ? "" : ` src ${step.source}`;
      return `route replace ${step.to}${via} dev ${step.link}${scope}${source}`;
    }
    case "delete-route":
      return `route delete ${step.to} dev ${step.link}`;
    case "local-route": {
      const source = step.source === undefined ? "" : ` src ${step.source}`;
      return `route replace local ${step.address} dev ${step.link} table local${source}`;
    }
    case "delete-local-route":
      return `route delete local ${step.address} dev ${step.link} table local`;
    case "neighbour":
      return `neighbour replace ${step.address} lladdr ${step.mac} dev ${step.link} nud permanent`;
  }
}
