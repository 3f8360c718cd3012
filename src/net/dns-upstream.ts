import type { Cancel, Ip } from "../core/index.ts";
import { StreamUpstreams } from "./dns-upstream-stream.ts";
import { UdpUpstreams } from "./dns-upstream-udp.ts";

/** A DNS server to ask. */
export interface DnsUpstreamAddress {
  readonly address: Ip;
  readonly port: number;
  /** For `tls`: the name in the certificate (the address unless given) and what to trust and show, in PEM. */
  readonly tls?: {
    readonly serverName?: string;
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
  };
  /** How long a connection to it stays open without queries, in milliseconds; as for all unless given. */
  readonly idleMs?: number;
}

/** Who hears what the server says. */
export interface DnsUpstreamHandlers {
  message(bytes: Uint8Array): void;
  failed(error: Error): void;
}

/** How sockets are used. */
export interface DnsDialerOptions {
  /** How long a connection without queries stays open, in milliseconds; 10,000 unless given. */
  readonly idleMs?: number;
  /** Connections to one server; 8 unless given. When all are busy, they are shared. */
  readonly maxConnections?: number;
  /** Queries that wait for answers on one connection before another is opened; 32 unless given. */
  readonly maxPipelined?: number;
  /**
   * How many UDP sockets, each at a random port, take turns for one server; 0 (unless given) for a new one for every
   * query. A forger must guess port and id: 65,000 times less with a new socket, the pool's size less with a pool.
   */
  readonly udpPool?: number;
}

/** Open sockets. */
export interface DnsDialerStats {
  readonly udpSockets: number;
  readonly connections: number;
  /** Queries that found an open connection, and those that opened one. */
  readonly connectionHits: number;
  readonly connectionMisses: number;
}

/** Sends single queries to DNS servers; fits the port that the `dns` layer asks with. */
export interface DnsDialer {
  send(
    upstream: DnsUpstreamAddress,
    transport: "udp" | "tcp" | "tls",
    query: Uint8Array,
    handlers: DnsUpstreamHandlers,
  ): Cancel;
  stats(): DnsDialerStats;
  /** Closes what is open. Queries that wait fail. */
  close(): void;
}

/**
 * Asks over UDP, TCP and TLS. UDP sockets have random ports and are connected to the server, so that messages from
 * elsewhere never arrive and a closed port is known at once. Connections are shared: queries go out without waiting for
 * earlier answers, which may come in any order (RFC 7766).
 */
export function dnsDialer(options: DnsDialerOptions = {}): DnsDialer {
  const { idleMs = 10_000, maxConnections = 8, maxPipelined = 32, udpPool = 0 } = options;
  const udp = new UdpUpstreams(udpPool, idleMs);
  const streams = new StreamUpstreams({ idleMs, maxConnections, maxPipelined });
  return {
    send: (upstream, transport, query, handlers) => {
      const { heard, mute } = muteable(handlers);
      const close =
        transport === "udp" ? udp.send(upstream, query, heard) : streams.send(upstream, transport, query, heard);
      return () => {
        mute();
        close();
      };
    },
    stats: () => ({ udpSockets: udp.sockets, ...streams.stats() }),
    close: () => {
      udp.close();
      streams.close();
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
