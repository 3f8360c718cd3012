import { isPort, parseIp } from "../core/index.ts";
import type { Cancel } from "../core/index.ts";
import type { DnsServerAddress, DnsTransport } from "./resolver.ts";

/** Who hears from an upstream. A message may be anybody's: whoever asked checks it. */
export interface UpstreamHandlers {
  message(bytes: Uint8Array): void;
  /** Nothing more will come. */
  failed(error: Error): void;
}

/** Sends one query to a server, from a port that nobody can guess. The real one is `dnsDialer` in `net`. */
export interface UpstreamDialer {
  /** Starts at once; the handlers are called until the returned function is. Never throws. */
  send(upstream: DnsServerAddress, transport: DnsTransport, query: Uint8Array, handlers: UpstreamHandlers): Cancel;
}

/** Reads `1.1.1.1`, `1.1.1.1:5353`, `fd00::1` or `[fd00::1]:53`; the port is 53 unless given. */
export function parseUpstream(text: string): DnsServerAddress | undefined {
  const match = /^\[([^\]]+)\](?::([0-9]{1,5}))?$/.exec(text) ?? /^([^:]+)(?::([0-9]{1,5}))?$/.exec(text);
  const address = parseIp(match?.[1] ?? text);
  const port = Number(match?.[2] ?? 53);
  return address === undefined || !isPort(port) ? undefined : { address, port };
}
