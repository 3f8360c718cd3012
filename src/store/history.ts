import type { KubeObject } from "../objects/index.ts";
import type { Change } from "./change.ts";

/** The last changes of one table, oldest first, bounded by count. */
export class History {
  readonly #limit: number;
  #changes: Change[] = [];
  #first = 0;
  #forgotten: number;

  /** `start`: the version from which on history is complete (the version that was loaded at start). */
  constructor(limit: number, start: number) {
    this.#limit = limit;
    this.#forgotten = start;
  }

  push(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length - this.#first > this.#limit) {
      this.#forgotten = this.#changes[this.#first]?.version ?? this.#forgotten;
      this.#first++;
    }
    // Dropping the dead head only when it is as long as the rest keeps push() at constant cost.
    if (this.#first > this.#limit) {
      this.#changes = this.#changes.slice(this.#first);
      this.#first = 0;
    }
  }

  /** Whether every change after `version` is still known. */
  reaches(version: number): boolean {
    return version >= this.#forgotten;
  }

  /** The changes after `version`, oldest first. */
  after(version: number): readonly Change[] {
    let start = this.#changes.length;
    while (start > this.#first && (this.#changes[start - 1]?.version ?? 0) > version) start--;
    return this.#changes.slice(start);
  }

  /** What objects changed since `version` looked like then, by namespace and name; undefined: did not exist. */
  undoneTo(version: number): ReadonlyMap<string, ReadonlyMap<string, KubeObject | undefined>> {
    const undone = new Map<string, Map<string, KubeObject | undefined>>();
    for (const change of this.after(version).toReversed()) {
      const names = undone.get(change.namespace) ?? new Map<string, KubeObject | undefined>();
      undone.set(change.namespace, names.set(change.name, change.before));
    }
    return undone;
  }
}
