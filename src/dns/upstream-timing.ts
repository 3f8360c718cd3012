/** How long a server takes, learnt from its answers. */
export interface RoundTrip {
  /** Smoothed time of an answer, in milliseconds. */
  readonly mean: number;
  /** Smoothed distance of single answers from it. */
  readonly deviation: number;
}

/** What is known after one more answer that took `ms` (RFC 6298 section 2). */
export function afterAnswer(known: RoundTrip | undefined, ms: number): RoundTrip {
  if (known === undefined) return { mean: ms, deviation: ms / 2 };
  return {
    mean: known.mean + (ms - known.mean) / 8,
    deviation: known.deviation + (Math.abs(ms - known.mean) - known.deviation) / 4,
  };
}

/** When an answer that is still missing is late, between `minMs` and `maxMs`; `maxMs` while nothing is known. */
export function lateAfter(known: RoundTrip | undefined, minMs: number, maxMs: number): number {
  if (known === undefined) return maxMs;
  return Math.min(maxMs, Math.max(minMs, known.mean + 4 * known.deviation));
}
