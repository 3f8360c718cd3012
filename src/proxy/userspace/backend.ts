import type { Ip, Port } from "../../core/index.ts";

/** An endpoint as the relay sees it: where it is, how much it carries, and whether it failed a moment ago. */
export interface Backend {
  /** Address and port, one text: the same endpoint has the same key before and after any change. */
  readonly key: string;
  readonly ip: Ip;
  readonly port: Port;
  /** Its share, 1 to 1000. */
  weight: number;
  /** Connections, and flows of UDP, that are being made or are open. */
  active: number;
  /** Those that ended within this minute and within the one before. */
  endedNow: number;
  endedBefore: number;
  endedMinute: number;
  /** Until when it is tried last (monotonic milliseconds), and how often it has failed in a row. */
  avoidUntil: number;
  failures: number;
  /** All that were ever connected, and that could not be. */
  connections: number;
  failedDials: number;
  /** Bytes that went from clients to it, and back. */
  bytesToEndpoint: number;
  bytesToClients: number;
}

const minuteMs = 60_000;
const firstAvoidMs = 1000;
const longestAvoidMs = 10_000;

/** A backend that has seen nothing yet. */
export function createBackend(ip: Ip, port: Port, weight = 1): Backend {
  return {
    key: `${ip} ${port}`,
    ip,
    port,
    weight,
    active: 0,
    endedNow: 0,
    endedBefore: 0,
    endedMinute: 0,
    avoidUntil: 0,
    failures: 0,
    connections: 0,
    failedDials: 0,
    bytesToEndpoint: 0,
    bytesToClients: 0,
  };
}

/**
 * Connections that ended one or two minutes ago at most. The kernel keeps ended connections for two minutes (TIME_WAIT)
 * and lets them count a little; without them all short connections would go to the first endpoint of the list.
 */
export function inactiveConnections(backend: Backend, now: number): number {
  turnMinute(backend, now);
  return backend.endedNow + backend.endedBefore;
}

/** Takes note of a connection that ended. */
export function noteEnd(backend: Backend, now: number): void {
  turnMinute(backend, now);
  backend.active--;
  backend.endedNow++;
}

function turnMinute(backend: Backend, now: number): void {
  const minute = Math.floor(now / minuteMs);
  if (minute === backend.endedMinute) return;
  backend.endedBefore = minute === backend.endedMinute + 1 ? backend.endedNow : 0;
  backend.endedNow = 0;
  backend.endedMinute = minute;
}

/** It could not be reached: for a moment, longer each time, others come first. */
export function noteFailure(backend: Backend, now: number): void {
  backend.failedDials++;
  backend.failures++;
  backend.avoidUntil = now + Math.min(longestAvoidMs, firstAvoidMs * 2 ** Math.min(backend.failures - 1, 10));
}

/** It was reached. */
export function noteSuccess(backend: Backend): void {
  backend.connections++;
  backend.failures = 0;
  backend.avoidUntil = 0;
}
