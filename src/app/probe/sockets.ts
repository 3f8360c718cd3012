import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { inNamespace } from "../../kernel/index.ts";

/** A UDP socket bound to a free port in a network namespace. */
function udpSocketIn(namespacePath: string): UdpSocket {
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
