import type { Cidr } from "../../core/index.ts";
import type { LocalTraffic, Scheduler } from "../../model/index.ts";
import type { ProxyMode } from "../engine.ts";

/** An address and a port to listen on. */
export interface BindAddress {
  readonly host: string;
  readonly port: number;
}

/** Where node ports are served: networks, or words for them. */
export type NodePortAddress = Cidr | "primary" | "localhost" | "all";

/** Everything that a node proxy can be told, by flags or by a KubeProxyConfiguration. Times are in milliseconds. */
export interface ProxySettings {
  readonly mode: ProxyMode;
  /** How traffic of the node's own pods is told; `node-cidr`: by the pod networks that its Node object names. */
  readonly localTraffic: LocalTraffic | { readonly kind: "node-cidr" };
  readonly masqueradeAll: boolean;
  readonly masqueradeBit: number;
  /** Empty: all addresses of the node. */
  readonly nodePortAddresses: readonly NodePortAddress[];
  readonly localhostNodePorts: boolean;
  readonly minSyncMs: number;
  readonly syncMs: number;
  /** Absent: the engine's own. */
  readonly scheduler?: Scheduler;
  readonly ipvs: IpvsSettings;
  readonly conntrack: ConntrackSettings;
  /** Ends TCP connections to endpoints that have gone. */
  readonly resetRemoved: boolean;
  /** Absent: the server is not started. */
  readonly healthz?: BindAddress;
  readonly metrics?: BindAddress;
  /** Whether a port that cannot be opened ends the proxy. */
  readonly bindAddressHardFail: boolean;
  readonly hostnameOverride?: string;
  readonly kubeconfig?: string;
}

/** Timeouts of 0 leave the kernel's. */
export interface IpvsSettings {
  readonly tcpTimeoutMs: number;
  readonly tcpFinTimeoutMs: number;
  readonly udpTimeoutMs: number;
}

/** Settings of connection tracking; what is absent stays as the kernel has it. */
export interface ConntrackSettings {
  readonly maxPerCore?: number;
  readonly min?: number;
  readonly tcpEstablishedMs?: number;
  readonly tcpCloseWaitMs?: number;
  readonly tcpBeLiberal: boolean;
  readonly udpMs?: number;
  readonly udpStreamMs?: number;
}

/** The defaults: kube-proxy's, except for the mode and what docs/deviations.md names. */
export const defaultProxySettings: ProxySettings = {
  mode: "nftables",
  localTraffic: { kind: "unknown" },
  masqueradeAll: false,
  masqueradeBit: 14,
  nodePortAddresses: [],
  localhostNodePorts: true,
  minSyncMs: 0,
  syncMs: 30_000,
  ipvs: { tcpTimeoutMs: 0, tcpFinTimeoutMs: 0, udpTimeoutMs: 0 },
  conntrack: { tcpBeLiberal: false },
  resetRemoved: false,
  healthz: { host: "0.0.0.0", port: 10256 },
  metrics: { host: "127.0.0.1", port: 10249 },
  bindAddressHardFail: false,
};
