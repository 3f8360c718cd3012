import type { IpFamily, Ip, Port } from "../core/index.ts";

/** Where rules go: nftables of the node's network namespace (`openNft` in `kernel`). */
export interface RulesPort {
  /**
   * Applies the script as one transaction, all or nothing; `full` says that it defines the tables anew. Rejects with an
   * error whose `code` is `ENOENT` or `EEXIST` when the kernel has something else than the script expects, and `EMSGSIZE`
   * when the script is too big for one transaction.
   */
  apply(script: string, options: { readonly full: boolean }): Promise<void>;
  /** Grows by one with each transaction of anyone, by which changes of others are noticed. */
  generation?(): number;
}

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
