import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Ip } from "../core/index.ts";
import { ipFamily } from "../core/index.ts";
import { inNamespace } from "../kernel/index.ts";

/** Starts a TCP connection from the network namespace at `namespace`. Errors arrive as `error` events. */
export function dialFrom(namespace: string, address: Ip, port: number): Socket {
  const family = ipFamily(address) === "IPv4" ? 4 : 6;
  return inNamespace(namespace, () =>
    connect({
      // A name with a lookup that answers on the spot: for a bare address Node makes the socket only later, when the
      // thread has left the namespace.
      host: "in-namespace",
      port,
      family,
      autoSelectFamily: false,
      noDelay: true,
      allowHalfOpen: true,
      lookup: (_host, _options, found) => found(null, address, family),
    }),
  );
}
