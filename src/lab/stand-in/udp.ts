import { createSocket } from "node:dgram";
import type { Clock } from "../../core/index.ts";
import { formatTime } from "../../objects/index.ts";
import { answerJson, plainAddress } from "./answer.ts";
import type { StandInIdentity } from "./answer.ts";

/** What a UDP echo needs. */
export interface UdpEchoOptions {
  readonly port: { readonly port: number; readonly container?: string; readonly image?: string };
  readonly identity: StandInIdentity;
  readonly clock: Clock;
  readonly opened: () => void;
  readonly problem: (error: Error) => void;
}

/**
 * Opens a UDP socket that answers each datagram with one line of JSON: who answers, who asked, what was received.
 * The socket is made before the return, in the namespace of the calling thread. Returns how to close it.
 */
export function openUdp({ port, identity, clock, opened, problem }: UdpEchoOptions): () => void {
  const socket = createSocket({
    type: "udp4",
    // Answered on the spot, so that bind() makes the socket before it returns.
    lookup: (host, _options, found) => found(null, host, 4),
  });
  socket.on("error", (error) => {
    socket.close();
    problem(error);
  });
  socket.on("listening", opened);
  socket.on("message", (bytes, from) => {
    const { container, image } = port;
    const answer = answerJson(identity, {
      protocol: "UDP",
      port: port.port,
      ...(container === undefined ? {} : { container }),
      ...(image === undefined ? {} : { image }),
      clientAddress: plainAddress(from.address),
      clientPort: from.port,
      time: formatTime(clock.now()),
      received: bytes.toString("utf8"),
    });
    socket.send(answer, from.port, from.address, () => undefined);
  });
  socket.bind(port.port);
  return () => {
    try {
      socket.close();
    } catch {
      // It is closed already, after an error.
    }
  };
}
