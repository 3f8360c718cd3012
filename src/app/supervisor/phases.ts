/** Milliseconds from the start of the command to each named moment, for `sealane bench up`. */
export interface Phases {
  /** Notes that this was reached now. */
  reached(name: string): void;
  readonly times: Readonly<Record<string, number>>;
}

/** Counts from `startedAt`, a wall-clock time in milliseconds that another process took. */
export function createPhases(startedAt: number, now: () => number): Phases {
  const times: Record<string, number> = {};
  return {
    reached(name) {
      times[name] ??= now() - startedAt;
    },
    times,
  };
}
