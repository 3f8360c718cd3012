import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { inNamespace } from "../../kernel/index.ts";

/**
 * Starts a TCP connection from a network namespace to a literal IPv4 address. The socket is made inside the namespace
 * and stays there: Node makes it synchronously when the name is looked up synchronously.
 */
export function connectFrom(namespacePath: string, address: string, port: number): Socket {
  return inNamespace(namespacePath, () =>
    connect({
      host: "literal",
      port,
      family: 4,
      autoSelectFamily: false,
      lookup: (_host, _options, done) => done(null, address, 4),
    }),
  );
}

/** A UDP socket bound to a free port in a network namespace. */
export function udpSocketIn(namespacePath: string): UdpSocket {
  return inNamespace(namespacePath, () => {
    const socket = createSocket({ type: "udp4", lookup: (host, _options, done) => done(null, host, 4) });
    return socket.bind(0);
  });
}

/** Sends one datagram and resolves to the first answer, or to undefined after `timeoutMs`. */
export function exchangeDatagram(
  namespacePath: string,
  address: string,
  port: number,
  payload: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array | undefined> {
  const socket = udpSocketIn(namespacePath);
  return new Promise((resolve) => {
    const finish = (answer: Uint8Array | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(() => finish(undefined), timeoutMs);
    socket.once("message", (message) => finish(message));
    socket.once("error", () => finish(undefined));
    socket.send(payload, port, address);
  });
}
