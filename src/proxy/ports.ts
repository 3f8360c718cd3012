import type { IpFamily, Ip, Port } from "../core/index.ts";

/** A tracked UDP flow; more fields may be there, and are handed back as they are. */
export interface UdpFlow {
  readonly family: IpFamily;
  readonly destination: Ip;
  readonly destinationPort: Port;
  readonly answeredBy: Ip;
  readonly answeredFrom: Port;
}

/** The kernel's connection tracking (`openConntrack` in `kernel`). */
export interface FlowsPort<F extends UdpFlow = UdpFlow> {
  udpFlows(family: IpFamily): readonly F[];
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
