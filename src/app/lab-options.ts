import { defaultProxySettings } from "../proxy/index.ts";
import type { ProxyMode, ProxySettings } from "../proxy/index.ts";
import type { LabDirectory } from "./lab-directory.ts";

/** A machine outside the cluster, on the LAN. */
export interface OutsideHost {
  /** Its DNS name, served by the lab's outside DNS. */
  readonly name: string;
  readonly address: string;
}

/** Everything that decides what a lab is. Made by `sealane up` from its flags, read by the supervisor. */
export interface LabOptions {
  readonly name: string;
  readonly nodes: number;
  /** Zones of node-1, node-2, ...; repeated for more nodes. */
  readonly zones: readonly string[];
  /** LAN network; router .1, client .10, nodes from .11, outside hosts from .50. */
  readonly lan: string;
  /** The cluster's pod network; node N gets the Nth /24 of it. */
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** First and last address that LoadBalancer Services get. */
  readonly loadBalancerPool: string;
  readonly nodePortRange: readonly [number, number];
  readonly clusterDomain: string;
  /** Resolvers for names outside the cluster; empty = the lab's outside world. */
  readonly dnsUpstreams: readonly string[];
  /** Path of the Corefile of the nodes' DNS; undefined = made of the other options. */
  readonly dnsCorefile: string | undefined;
  /** The nodes' DNS goes through the search lists of pods for them. */
  readonly dnsAutopath: boolean;
  readonly outsideHosts: readonly OutsideHost[];
  /** Where objects survive a restart; undefined = memory. */
  readonly stateDirectory: string | undefined;
  /** Milliseconds without a node's heartbeat until it counts as not ready. */
  readonly nodeGraceMs: number;
  /** Milliseconds between a node's heartbeats. */
  readonly nodeHeartbeatMs: number;
  readonly proxy: ProxySettings;
  /** The proxy modes of nodes that have another than `proxy.mode`, by name. */
  readonly proxyModes: Readonly<Record<string, ProxyMode>>;
}

/** The defaults of `sealane up`. */
export const defaultLabOptions: Omit<LabOptions, "name"> = {
  nodes: 3,
  zones: ["a", "a", "b"],
  lan: "192.168.100.0/24",
  podCidr: "10.244.0.0/16",
  serviceCidr: "10.96.0.0/16",
  loadBalancerPool: "192.168.100.200-192.168.100.250",
  nodePortRange: [30000, 32767],
  clusterDomain: "cluster.local",
  dnsUpstreams: [],
  dnsCorefile: undefined,
  dnsAutopath: false,
  outsideHosts: [{ name: "db.example.com", address: "192.168.100.50" }],
  stateDirectory: undefined,
  nodeGraceMs: 3000,
  nodeHeartbeatMs: 750,
  // The network of a lab is known, unlike that of a cluster that the proxy merely joins.
  proxy: { ...defaultProxySettings, localTraffic: { kind: "node-cidr" } },
  proxyModes: {},
};

/** The line by which the launcher ends a lab. */
export const stopLine = "stop";

/**
 * What the launcher hands to the supervisor, as the first line of JSON on its standard input. The second line is the manifests, which are
 * read while the supervisor starts. `stopLine` ends the lab, at any time.
 */
export interface SupervisorInput {
  readonly options: LabOptions;
  readonly directory: LabDirectory;
  /** The API's URL on the host. */
  readonly server: string;
  /** Whether the lab goes on when standard input ends (-d). */
  readonly detached: boolean;
  readonly userNamespace: boolean;
  /** Wall-clock milliseconds when the command started, for the phases of `bench up`. */
  readonly startedAt: number;
}

/** What the supervisor tells the launcher while it starts and, in the foreground, as long as the lab runs. */
export type SupervisorReport =
  | { readonly kind: "problem"; readonly message: string }
  | { readonly kind: "up"; readonly phases: Readonly<Record<string, number>> }
  | { readonly kind: "applied"; readonly objects: number; readonly warnings: readonly string[] }
  | { readonly kind: "waiting"; readonly lines: readonly string[] }
  | { readonly kind: "ready"; readonly phases: Readonly<Record<string, number>> }
  | { readonly kind: "event"; readonly line: string };
