import type { ProxyMode } from "../../../src/proxy/index.ts";

/** Something that an engine does otherwise than the others, and means to, that no packet alone shows. */
export interface Peculiarity {
  /** What it is about, as a row of the table in docs/proxy-modes.md. */
  readonly what: string;
  /** What the other engines do. */
  readonly usually: string;
  /** What these engines do instead. */
  readonly here: Readonly<Partial<Record<ProxyMode, string>>>;
  readonly reason: string;
}

/** By name; `describe-peculiarities.ts` and `describe-switching.ts` hold the engines to them. */
export const peculiarities = {
  affinity: {
    what: "Session affinity over the addresses of a Service",
    usually: "one endpoint for all of them",
    here: { ipvs: "one endpoint for each address by itself" },
    reason: "each address is a virtual server of its own, and the kernel remembers clients by server",
  },
  ping: {
    what: "Ping of a cluster IP",
    usually: "refused",
    here: { iptables: "dropped", ipvs: "answered by the client's node" },
    reason:
      "with iptables the rule for what no Service has drops it, as it drops another port; with IPVS the address is the node's own",
  },
  invalid: {
    what: "A TCP packet that belongs to no connection and opens none, to a pod",
    usually: "passes",
    here: { iptables: "dropped" },
    reason:
      "kube-proxy's rule against late packets that connection tracking no longer translates (kubernetes#74839); it sees every forwarded packet",
  },
  retry: {
    what: "An endpoint that refuses a TCP connection",
    usually: "the client is refused",
    here: { userspace: "the client gets another endpoint" },
    reason: "only a relay sees what becomes of a connection before the client does",
  },
  switching: {
    what: "Open connections when the node is switched to another mode",
    usually: "live on",
    here: { ipvs: "end, a second after the new rules are in force" },
    reason: "the kernel's virtual servers carry them, and go with the mode",
  },
} as const satisfies Readonly<Record<string, Peculiarity>>;

export type PeculiarityName = keyof typeof peculiarities;

/** Whether a mode does not do what the others do. */
export function isPeculiar(name: PeculiarityName, mode: ProxyMode): boolean {
  const { here }: Peculiarity = peculiarities[name];
  return here[mode] !== undefined;
}
