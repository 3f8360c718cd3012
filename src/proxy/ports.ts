import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";

/** A flow that the kernel tracks; more fields may be there, and are handed back as they are. */
export interface TrackedFlow {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  /** Where the client sends to. */
  readonly destination: Ip;
  readonly destinationPort: Port;
  /** Who answers: the endpoint, for a flow that a Service has redirected. */
  readonly answeredBy: Ip;
  readonly answeredFrom: Port;
  /** Whether anything has come back. */
  readonly isReplied: boolean;
}

/** Which flows: all of a family and protocol, or only those that also have these ends. */
export interface FlowQuery {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  readonly destination?: { readonly ip?: Ip; readonly port: Port };
  readonly answeredBy?: { readonly ip: Ip; readonly port: Port };
  /** Only those to which nothing has come back. */
  readonly unreplied?: true;
}

/** The kernel's connection tracking (`openConntrack` in `kernel`). */
export interface FlowsPort<F extends TrackedFlow = TrackedFlow> {
  /** Those flows, and on old kernels possibly more. */
  flows(query: FlowQuery): readonly F[];
  /** Forgets a flow. One that has gone meanwhile is no error. */
  deleteFlow(flow: F): void;
}

/** An HTTP answer without a connection. */
export interface HealthCheckAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Servers for the health checks of load balancers (`createHealthCheckServer` in `net`). */
export interface HealthChecksPort {
  /** From now on exactly these ports answer, any path alike. `failed` is told of a port that cannot be opened. */
  serve(answers: ReadonlyMap<Port, () => HealthCheckAnswer>, failed: (port: Port, error: Error) => void): void;
}
