import { ip } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { bindSocket, hasAddress, hostAddress } from "./bound-socket.ts";
import { inNamespace } from "./netns.ts";
import { openOriginalDestinations } from "./original-destination.ts";
import type { OriginalFlow, ReceivedFrom } from "./original-destination.ts";

/** What a relay of redirected connections needs of the kernel, in one network namespace. */
export interface RelaySockets {
  /** The address to listen at: the node's own, or that of loopback when it has no other one. */
  address(family: IpFamily): Ip;
  hasAddress(address: Ip): boolean;
  /** A bound socket's descriptor; port 0 is any free one. Throws `KernelError`. */
  bind(protocol: "TCP" | "UDP", address: Ip, port: number): number;
  /** Where a client meant to go; `undefined` when nothing redirected it. */
  originalFlow(received: ReceivedFrom): OriginalFlow | undefined;
  /** Makes sockets in the namespace: `run` must do so before it returns. */
  within<T>(run: () => T): T;
  close(): void;
}

/** Opens them in `namespace` (a path; the caller's own by default). */
export function openRelaySockets(options: { readonly namespace?: string } = {}): RelaySockets {
  const { namespace } = options;
  const within = <T>(run: () => T): T => (namespace === undefined ? run() : inNamespace(namespace, run));
  const originals = openOriginalDestinations(options);
  return {
    address: (family) => within(() => hostAddress(family)) ?? ip(family === "IPv4" ? "127.0.0.1" : "::1"),
    hasAddress: (address) => within(() => hasAddress(address)),
    bind: (protocol, address, port) => within(() => bindSocket(protocol, address, port)),
    originalFlow: (received) => originals.find(received),
    within,
    close: () => originals.close(),
  };
}
