/** What an agent is told about its node. */
export interface AgentInput {
  readonly nodeName: string;
  readonly nodeAddress: string;
  readonly zone: string;
  readonly podCidr: string;
  /** The lab's directory. */
  readonly directory: string;
  /** The API's unix socket. */
  readonly apiSocket: string;
  readonly serviceCidr: string;
  /** The cluster's whole pod network. */
  readonly clusterCidr: string;
  readonly dnsAddress: string;
  readonly clusterDomain: string;
  readonly dnsUpstreams: readonly string[];
  /** The resolver of the world outside, for nodes and for pods with dnsPolicy Default. */
  readonly outsideNameserver: string;
  /** First and last address that nodes may have on the LAN. */
  readonly nodeAddressRange: readonly [string, string];
  readonly heartbeatMs: number;
}

/** The first message to an agent: which network namespace (a path) to live in, and what to do there. */
export interface StartAgent {
  readonly kind: "start";
  readonly namespace: string;
  readonly input: AgentInput;
}

/** Asks for an answer with the same `id` as soon as the node is at least at these resource versions. */
export interface Barrier {
  readonly kind: "barrier";
  readonly id: number;
  readonly services: string;
  readonly endpointSlices: string;
}

export type ToAgent = StartAgent | Barrier;

/** The answer to a barrier. */
export interface FromAgent {
  readonly kind: "applied";
  readonly id: number;
}
