import type { Ip, IpFamily, Port } from "../core/index.ts";

/** A client that has come to a listener, and where it meant to go. */
export interface RelayArrival {
  readonly protocol: "TCP" | "UDP";
  /** Which listener it came to: the rules choose one by the policy that holds for the client. */
  readonly list: "cluster" | "local";
  readonly client: Ip;
  readonly destination: Ip;
  readonly port: Port;
}

/** The decisions about one client; those of the `proxy` layer fit. */
export interface RelayDecisions {
  /** The endpoint to dial now; `undefined`: none is left. */
  next(): { readonly ip: Ip; readonly port: Port; readonly timeoutMs: number } | undefined;
  failed(why: "refused" | "timeout"): void;
  connected(): void;
  toEndpoint(bytes: number): void;
  toClient(bytes: number): void;
  /** Called once, at the very end. */
  ended(): void;
  onBreak(run: () => void): void;
}

/** What the relay needs of the kernel; `openRelaySockets` in `kernel` fits. */
export interface RelayKernel {
  address(family: IpFamily): Ip;
  hasAddress(address: Ip): boolean;
  bind(protocol: "TCP" | "UDP", address: Ip, port: number): number;
  originalFlow(received: {
    readonly protocol: "TCP" | "UDP";
    readonly family: IpFamily;
    readonly client: Ip;
    readonly clientPort: Port;
    readonly local: Ip;
    readonly localPort: Port;
  }): { readonly client: Ip; readonly clientPort: Port; readonly destination: Ip; readonly port: Port } | undefined;
  within<T>(run: () => T): T;
  close(): void;
}

/** What the listeners of one relay share. */
export interface RelayShared {
  readonly kernel: RelayKernel;
  readonly accept: (arrival: RelayArrival) => RelayDecisions | undefined;
  /**
   * The relay's own sockets that are being connected, by `ownDialKey`. A client among them is the relay itself: an
   * endpoint that leads back to the rules would otherwise go round until no descriptor is left.
   */
  readonly ownDials: Set<string>;
}

/**
 * Names a socket by both its ends. Its own alone would not do: the kernel gives a program of the node the same address and
 * port as long as it calls somebody else.
 */
export function ownDialKey(address: string | undefined, port: number | undefined, to: Ip, toPort: Port): string {
  return `${address ?? ""} ${port ?? 0} ${to} ${toPort}`;
}
