import type { ExplainedMessage } from "../dns/index.ts";
import type { ProxyMode, ProxySettings, ProxyStats } from "../proxy/index.ts";

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
  /** Path of the Corefile that says how names are served, in the place of `dnsUpstreams` and `dnsAutopath`. */
  readonly dnsCorefile: string | undefined;
  /** Goes through the search list of pods for them. */
  readonly dnsAutopath: boolean;
  /** The resolver of the world outside, for nodes and for pods with dnsPolicy Default. */
  readonly outsideNameserver: string;
  /** First and last address that nodes may have on the LAN. */
  readonly nodeAddressRange: readonly [string, string];
  readonly heartbeatMs: number;
  readonly proxy: ProxySettings;
  /** This is not the node's first agent: an earlier one may have left things. */
  readonly isSuccessor: boolean;
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

/** What an agent can be asked, and what it then answers. */
export interface AgentQuestions {
  /** What the node's proxy does. */
  readonly "proxy-status": { readonly question: null; readonly answer: ProxyStats };
  /** To go on in another proxy mode; answered when new connections go by the new rules alone. */
  readonly "set-proxy-mode": { readonly question: { readonly mode: ProxyMode }; readonly answer: null };
  /** To remember how DNS questions from this port of a client are answered. */
  readonly "begin-explaining": { readonly question: { readonly port: number }; readonly answer: null };
  /** What it remembers of them; it stops. */
  readonly "end-explaining": {
    readonly question: { readonly port: number };
    readonly answer: readonly ExplainedMessage[];
  };
}

export type AgentQuestionName = keyof AgentQuestions;

/** A question, answered with the same `id`. */
export interface Question<Name extends AgentQuestionName = AgentQuestionName> {
  readonly kind: "question";
  readonly id: number;
  readonly name: Name;
  readonly body: AgentQuestions[Name]["question"];
}

export type ToAgent = StartAgent | Barrier | Question;

/** The answers to barriers and questions; and, without a question, that the node cannot be what it is asked to be. */
export type FromAgent =
  | { readonly kind: "unusable"; readonly message: string }
  | { readonly kind: "applied"; readonly id: number }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly code: string | undefined; readonly message: string };
