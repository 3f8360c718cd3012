import type { Ip, IpFamily, Port } from "../../core/index.ts";

/** Protocols that can be relayed through sockets here; SCTP has none in Node. */
export type RelayProtocol = "TCP" | "UDP";

/** Which of a plan's lists a client may use: that of policy Cluster or that of policy Local. */
export type EndpointList = "cluster" | "local";

/** A client that has come to one of the listeners. */
export interface Arrival {
  readonly protocol: RelayProtocol;
  readonly list: EndpointList;
  readonly client: Ip;
  /** Where the client meant to go, before the rules redirected it. */
  readonly destination: Ip;
  readonly port: Port;
}

/** The endpoint to try next. */
export interface DialTarget {
  readonly ip: Ip;
  readonly port: Port;
  /** After this long without an answer the next one is tried. For UDP, which knows no answer, it means nothing. */
  readonly timeoutMs: number;
}

/** Why an endpoint was not reached. */
export type DialFailure = "refused" | "timeout";

/** One client's connection (or flow of UDP), from its arrival to its end. */
export interface RelaySession {
  /** The endpoint to dial now; `undefined` when none is left to try. */
  next(): DialTarget | undefined;
  /** The last one could not be reached; ask `next` again. */
  failed(why: DialFailure): void;
  connected(): void;
  /** Bytes that were handed on. */
  toEndpoint(bytes: number): void;
  toClient(bytes: number): void;
  /** Nothing more will come, however it ended. To be called once. */
  ended(): void;
  /** Called at most once, when the relay has to break the connection: the endpoint has gone. */
  onBreak(run: () => void): void;
}

/** What decides about clients. `undefined`: nobody serves this, the client is refused. */
export type AcceptArrival = (arrival: Arrival) => RelaySession | undefined;

/** Where the listeners of a family are: clients must be redirected there. */
export interface RelayListeners {
  readonly family: IpFamily;
  readonly address: Ip;
  readonly ports: Readonly<Record<RelayProtocol, Readonly<Record<EndpointList, Port>>>>;
}

/** The sockets of one node (`openRelay` in `net`). */
export interface RelayPort {
  /**
   * Opens the listeners of a family, or gives back those that are open. Opens them elsewhere when their address has left
   * the node. Rejects when there is no address to listen at.
   */
  listen(family: IpFamily, accept: AcceptArrival): Promise<RelayListeners>;
  /** Whether listeners that are open cannot be reached any more, because their address has left the node. Cheap. */
  isLost(): boolean;
  /** No more clients are taken after a moment; those that are there go on until they end. */
  close(): void;
}
