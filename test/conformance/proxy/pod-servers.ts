import { createSocket } from "node:dgram";
import type { SocketType, Socket as UdpSocket } from "node:dgram";
import { createServer } from "node:net";
import { openPacketSocket } from "../../../src/kernel/index.ts";
import type { PacketSocket } from "../../../src/kernel/index.ts";
import type { PodName } from "./places.ts";
import { podPort } from "./service-objects.ts";
import { openRawSocket } from "./raw-socket.ts";
import { answerSctp } from "./sctp-frames.ts";

/** What a pod's server tells: its name, and the address of the client as it sees it. */
export interface Greeting {
  readonly pod: string;
  readonly client: string;
  /** Over TCP: the address of the pod that the client reached. */
  readonly at?: string;
}

export interface PodServers {
  /** How many TCP connections an address of the pod has at present. */
  connections(at: string): number;
  close(): void;
}

/**
 * Opens a pod's servers, in the network namespace of the calling thread: they tell who they are and whom they see, over TCP,
 * UDP and SCTP, IPv4 and IPv6.
 */
export function listenInPod(pod: PodName): PodServers {
  const greet = (client: string, at?: string): string => {
    const greeting: Greeting = { pod, client: plain(client), ...(at === undefined ? {} : { at: plain(at) }) };
    return JSON.stringify(greeting);
  };
  const open = new Map<string, number>();
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    const at = plain(socket.localAddress ?? "");
    open.set(at, (open.get(at) ?? 0) + 1);
    socket.once("close", () => open.set(at, (open.get(at) ?? 0) - 1));
    // A client that wants its connection to stay says so by sending something; everybody else closes when it has read.
    socket.write(greet(socket.remoteAddress ?? "", socket.localAddress));
    socket.on("data", (bytes) => socket.write(bytes));
  });
  server.listen({ port: podPort, backlog: 4096 });
  const datagrams = (["udp4", "udp6"] as const).map((type) => {
    const socket = bindUdp(type, podPort);
    socket.on("message", (_message, { address, port }) => socket.send(greet(address), port, address));
    return socket;
  });
  // Somebody must take SCTP, or the pod's kernel would answer that it does not know it.
  const swallow = [openRawSocket("IPv4", 132, () => undefined), openRawSocket("IPv6", 132, () => undefined)];
  const frames: readonly PacketSocket[] = [0x0800, 0x86dd].map((etherType) => {
    const socket: PacketSocket = openPacketSocket({
      link: "eth0",
      etherType,
      received: (frame) => {
        const answer = answerSctp(frame, podPort, greet);
        if (answer !== undefined) socket.send(answer);
      },
      failed: () => undefined,
    });
    return socket;
  });
  return {
    connections: (at) => open.get(at) ?? 0,
    close() {
      server.close();
      for (const socket of datagrams) socket.close();
      for (const socket of [...frames, ...swallow]) socket.close();
    },
  };
}

function plain(address: string): string {
  return address.replace("::ffff:", "");
}

/** Binds on the spot, while the thread is in the namespace: with a lookup that does not wait. */
export function bindUdp(type: SocketType, port: number): UdpSocket {
  const socket = createSocket({
    type,
    ipv6Only: type === "udp6",
    lookup: (host, _options, found) => found(null, host, type === "udp4" ? 4 : 6),
  });
  socket.on("error", () => undefined);
  return socket.bind(port, type === "udp4" ? "0.0.0.0" : "::");
}
