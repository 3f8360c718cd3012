import { createSocket } from "node:dgram";
import { connect } from "node:net";
import type { Cancel, Ip } from "../core/index.ts";
import { familyOf } from "./address-family.ts";

/** A DNS server to ask. */
export interface DnsUpstreamAddress {
  readonly address: Ip;
  readonly port: number;
}

/** Who hears what the server says. */
export interface DnsUpstreamHandlers {
  message(bytes: Uint8Array): void;
  failed(error: Error): void;
}

/** Sends single queries to DNS servers; fits the port that the `dns` layer asks with. */
export interface DnsDialer {
  send(
    upstream: DnsUpstreamAddress,
    transport: "udp" | "tcp",
    query: Uint8Array,
    handlers: DnsUpstreamHandlers,
  ): Cancel;
}

/**
 * Asks over UDP and TCP. Every UDP query has a socket of its own, bound by the kernel to a random port and connected
 * to the server, so that messages from elsewhere never arrive and a closed port is known at once.
 */
export function dnsDialer(): DnsDialer {
  return {
    send: (upstream, transport, query, handlers) => {
      const { heard, mute } = muteable(handlers);
      const close = transport === "udp" ? sendUdp(upstream, query, heard) : sendTcp(upstream, query, heard);
      return () => {
        mute();
        close();
      };
    },
  };
}

/** Handlers that can be cut off: sockets may still have something to say when nobody wants to hear it. */
function muteable(handlers: DnsUpstreamHandlers): { readonly heard: DnsUpstreamHandlers; readonly mute: () => void } {
  let isMuted = false;
  return {
    heard: {
      message: (bytes) => {
        if (!isMuted) handlers.message(bytes);
      },
      failed: (error) => {
        if (!isMuted) handlers.failed(error);
      },
    },
    mute: () => {
      isMuted = true;
    },
  };
}

function sendUdp({ address, port }: DnsUpstreamAddress, query: Uint8Array, handlers: DnsUpstreamHandlers): Cancel {
  const family = familyOf(address);
  const socket = createSocket({
    type: family === 6 ? "udp6" : "udp4",
    lookup: (host, _options, done) => done(null, host, family),
  });
  let isOpen = true;
  socket.on("message", (message) => handlers.message(message));
  socket.on("error", (error) => handlers.failed(error));
  socket.once("connect", () => {
    if (!isOpen) return;
    socket.send(query, (error) => {
      if (error !== null) handlers.failed(error);
    });
  });
  socket.connect(port, address);
  return () => {
    if (!isOpen) return;
    isOpen = false;
    socket.close();
  };
}

function sendTcp({ address, port }: DnsUpstreamAddress, query: Uint8Array, handlers: DnsUpstreamHandlers): Cancel {
  const socket = connect({ host: address, port });
  let received: Buffer = Buffer.alloc(0);
  socket.on("connect", () => {
    const framed = Buffer.allocUnsafe(2 + query.length);
    framed.writeUInt16BE(query.length, 0);
    framed.set(query, 2);
    socket.write(framed);
  });
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const length = received.readUInt16BE(0);
      handlers.message(received.subarray(2, 2 + length));
      received = received.subarray(2 + length);
    }
  });
  socket.on("error", (error) => handlers.failed(error));
  socket.on("close", () => handlers.failed(new Error(`${address} closed the connection without an answer`)));
  return () => void socket.destroy();
}
