/** How long recent changes took from the cache's event to the kernel, in milliseconds. */
export interface SyncLatency {
  readonly samples: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly lastMs: number;
}

/** Remembers the latest samples only, so that it never grows. */
export class LatencyRecord {
  readonly #samples: number[] = [];
  #next = 0;
  #last = 0;

  add(milliseconds: number): void {
    this.#last = milliseconds;
    this.#samples[this.#next] = milliseconds;
    this.#next = (this.#next + 1) % 256;
  }

  read(): SyncLatency {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { samples: sorted.length, medianMs: at(0.5), p99Ms: at(0.99), lastMs: this.#last };
  }
}
