import { formatName, recordTypeName } from "../../codec/index.ts";
import type { Query } from "../../codec/index.ts";
import type { Cancel, Clock, Logger } from "../../core/index.ts";
import type { ErrorsSettings, LogLevelName } from "../corefile/configuration.ts";

interface Gathered {
  count: number;
  readonly cancel: Cancel;
}

/** Says which queries failed; those that fit a pattern are counted and said once in a while. */
export class ErrorLog {
  readonly #settings: ErrorsSettings;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #gathered = new Map<number, Gathered>();

  constructor(settings: ErrorsSettings, clock: Clock, log: Logger) {
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
  }

  /** A query got SERVFAIL. */
  failed({ name, type }: Pick<Query, "name" | "type">): void {
    const message = `${formatName(name).toLowerCase()} ${recordTypeName(type)}: no answer could be found (SERVFAIL)`;
    const index = this.#settings.consolidate.findIndex(({ pattern }) => pattern.test(message));
    const rule = this.#settings.consolidate[index];
    if (rule === undefined) {
      this.#log.error(`plugin/errors: 2 ${message}`);
      return;
    }
    const known = this.#gathered.get(index);
    if (known !== undefined) {
      known.count++;
      return;
    }
    const cancel = this.#clock.schedule(rule.everyMs, () => this.#flush(index));
    this.#gathered.set(index, { count: 1, cancel });
  }

  /** Says what was gathered so far. */
  stop(): void {
    for (const [index, { cancel }] of this.#gathered) {
      cancel();
      this.#flush(index);
    }
  }

  #flush(index: number): void {
    const known = this.#gathered.get(index);
    const rule = this.#settings.consolidate[index];
    this.#gathered.delete(index);
    if (known === undefined || rule === undefined) return;
    const text = `plugin/errors: ${known.count} errors like '${rule.pattern.source}' occurred in last ${rule.everyMs / 1000}s`;
    write(this.#log, rule.level, text);
  }
}

function write(log: Logger, level: LogLevelName, text: string): void {
  if (level === "warning") log.warn(text);
  else log[level](text);
}
