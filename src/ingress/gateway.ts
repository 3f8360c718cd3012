import type { Agent, IncomingMessage } from "node:http";
import type { LookupFunction } from "node:net";
import type { Clock, Logger, Random } from "../core/index.ts";
import type { AnswerStatus } from "./answers.ts";
import { hasBody } from "./answers.ts";
import type { BackendPool, BackendPools } from "./backend-pools.ts";
import { requestHeaders } from "./forwarded-headers.ts";
import type { Framing } from "./forwarded-headers.ts";
import { readTarget } from "./request-target.ts";
import type { RequestTarget } from "./request-target.ts";
import type { RouteTable } from "./route-table.ts";

/** Bounds of what the router waits for and accepts. */
export interface RouterLimits {
  /** To connect to an endpoint before the next one is tried. */
  readonly connectTimeoutMs: number;
  /** For the first byte of the answer after the request was sent; 504 after that. Later silence has no bound. */
  readonly responseTimeoutMs: number;
  /** How long a client may take to send its headers. */
  readonly headersTimeoutMs: number;
  /** How long an idle connection of a client is kept. */
  readonly clientIdleMs: number;
  /** How long an idle connection to an endpoint is kept: less than what servers commonly allow. */
  readonly backendIdleMs: number;
  /** All headers of one message together; 431 beyond. */
  readonly maxHeaderBytes: number;
  /** How many endpoints one request may try. */
  readonly attempts: number;
}

/** What the router has counted since it started. */
export interface RouterStats {
  readonly routes: number;
  readonly requests: number;
  readonly inFlight: number;
  readonly tunnels: number;
  readonly retries: number;
  /** Answers that the router gave itself, by status. */
  readonly answers: Readonly<Record<string, number>>;
}

/** Counters, changed in place by those who serve. */
export interface RouterCounters {
  requests: number;
  inFlight: number;
  tunnels: number;
  retries: number;
  readonly answers: Record<string, number>;
}

/** What serving a request needs. */
export interface Gateway {
  readonly table: () => RouteTable;
  readonly pools: BackendPools;
  readonly agent: Agent;
  readonly limits: RouterLimits;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: Random;
  readonly counters: RouterCounters;
  /** Whether the peer's own X-Forwarded-* headers are believed. */
  readonly trusts: (remoteAddress: string) => boolean;
  /** Resolves the names of ExternalName Services; the system's resolver when absent. */
  readonly lookup: LookupFunction | undefined;
  /** Whether new answers should end their connections. */
  readonly draining: () => boolean;
}

/** A request that has a route and somebody to ask. */
export interface Admitted {
  readonly kind: "admitted";
  /** The backend's endpoints as they are now: they may change between two attempts. */
  readonly pool: () => BackendPool;
  readonly target: RequestTarget;
  readonly headers: readonly string[];
}

/** Finds the route and the backend of a request, or the answer that it gets instead. */
export function admit(
  gateway: Gateway,
  request: IncomingMessage,
  scheme: "http" | "https",
  upgrade?: string,
): Admitted | { readonly kind: "refused"; readonly status: AnswerStatus } {
  const coding = request.headers["transfer-encoding"];
  const ambiguous = countHosts(request) > 1 || (coding !== undefined && coding.toLowerCase() !== "chunked");
  const target = ambiguous ? undefined : readTarget(request.url ?? "", request.headers.host);
  if (target === undefined) return { kind: "refused", status: 400 };
  const route = gateway.table().match(target.host, target.path);
  if (route === undefined) return { kind: "refused", status: 404 };
  const pool = () => gateway.pools.get(route.backend);
  const { problem } = pool();
  if (problem !== undefined) {
    gateway.log.debug("no backend", { ingress: route.ingress, host: target.host, reason: problem });
    return { kind: "refused", status: 503 };
  }
  const remoteAddress = (request.socket.remoteAddress ?? "").replace(/^::ffff:/, "");
  const headers = requestHeaders({
    rawHeaders: request.rawHeaders,
    method: request.method ?? "GET",
    framing: upgrade === undefined ? framingOf(request) : { kind: "none" },
    remoteAddress,
    scheme,
    port: request.socket.localPort ?? 0,
    host: target.authority,
    requestId: requestId(gateway.random),
    trusted: gateway.trusts(remoteAddress),
    ...(upgrade === undefined ? {} : { upgrade }),
  });
  return { kind: "admitted", pool, target, headers };
}

function countHosts({ rawHeaders }: IncomingMessage): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === 4 && name.toLowerCase() === "host") count++;
  }
  return count;
}

/** Node's parser has refused messages with both framings, or with two lengths, before they come here. */
function framingOf(request: IncomingMessage): Framing {
  if (!hasBody(request)) return { kind: "none" };
  if (request.headers["transfer-encoding"] !== undefined) return { kind: "chunked" };
  return { kind: "length", length: request.headers["content-length"] ?? "0" };
}

function requestId(random: Random): string {
  let id = "";
  for (let i = 0; i < 4; i++)
    id += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, "0");
  return id;
}
