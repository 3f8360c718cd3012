import { isPort, parseIp } from "../core/index.ts";
import type { Cancel } from "../core/index.ts";
import type { DnsServerAddress } from "./resolver.ts";

/** How a server is asked. `tls` is DNS over TLS (RFC 7858). */
export type UpstreamTransport = "udp" | "tcp" | "tls";

/** Whom to trust when a server is asked over TLS. Certificates and keys are in PEM. */
export interface UpstreamTls {
  /** The name in the server's certificate; its address unless given. */
  readonly serverName?: string;
  /** Authorities to trust in place of the system's. */
  readonly ca?: string;
  /** What this side shows when the server asks who it is. */
  readonly cert?: string;
  readonly key?: string;
}

/** A DNS server that is asked. */
export interface Upstream extends DnsServerAddress {
  /** Given for servers that are asked over TLS, and only so. */
  readonly tls?: UpstreamTls;
  /** How long a connection to it stays open without queries, in milliseconds; the dialer's own time unless given. */
  readonly idleMs?: number;
}

/** Who hears from an upstream. A message may be anybody's: whoever asked checks it. */
export interface UpstreamHandlers {
  message(bytes: Uint8Array): void;
  /** Nothing more will come. */
  failed(error: Error): void;
}

/** Sends one query to a server, from a port that nobody can guess. The real one is `dnsDialer` in `net`. */
export interface UpstreamDialer {
  /** Starts at once; the handlers are called until the returned function is. Never throws. */
  send(upstream: Upstream, transport: UpstreamTransport, query: Uint8Array, handlers: UpstreamHandlers): Cancel;
}

/** As many servers as CoreDNS takes for one `forward`. */
export const maxUpstreams = 15;

const defaultPorts = { dns: 53, tls: 853 } as const;

/**
 * Reads `1.1.1.1`, `1.1.1.1:5353`, `fd00::1` or `[fd00::1]:53`, with `dns://` or `tls://` before it or without. The port
 * is 53 unless given, 853 for TLS. `undefined` for everything else.
 */
export function parseUpstream(text: string): Upstream | undefined {
  const isTls = text.startsWith("tls://");
  const place = /^(?:dns|tls):\/\//.test(text) ? text.slice(6) : text;
  const match = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/.exec(place) ?? /^([^:]+)(?::([0-9]{1,5}))?$/.exec(place);
  const address = parseIp(match?.[1] ?? place);
  const port = Number(match?.[2] ?? defaultPorts[isTls ? "tls" : "dns"]);
  if (address === undefined || !isPort(port)) return undefined;
  return isTls ? { address, port, tls: {} } : { address, port };
}

/** How logs and metrics name a server: `1.1.1.1:53`, `tls://[fd00::1]:853`. */
export function upstreamName({ address, port, tls }: Upstream): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return `${tls === undefined ? "" : "tls://"}${host}:${port}`;
}
