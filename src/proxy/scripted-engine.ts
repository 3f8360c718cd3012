import { messageOf } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import type { RuleBook, ServicePlan, Transaction } from "../model/index.ts";
import type { EngineStats, ProxyEngine, ProxyMode, Refusal, WriteResult } from "./engine.ts";
import type { RulesPort } from "./rules-port.ts";

/** What a scripted engine is made of. */
export interface ScriptedEngineParts<S> {
  readonly mode: ProxyMode;
  readonly book: RuleBook<S>;
  readonly port: RulesPort<S>;
  readonly shortcomings: (plan: ServicePlan) => readonly string[];
  readonly log: Logger;
}

/**
 * An engine that writes scripts, and finds the Services to blame when one fails: it is halved until the culprits stand
 * alone and everything else is in the kernel.
 */
export function scriptedEngine<S>(parts: ScriptedEngineParts<S>): ProxyEngine {
  const { mode, book, port, shortcomings } = parts;
  const writer = new ScriptWriter(parts);
  return {
    mode,
    setNetwork: (network) => book.setNetwork(network),
    want: (service, plans) => book.want(service, plans),
    writeChanges: (services, { mayMismatch }) => writer.writeChanges(services, mayMismatch),
    writeAll: (services) => writer.writeAll(services),
    noticesOthers: () => writer.noticesOthers(),
    shortcomings,
    get stats(): EngineStats {
      return { installed: book.installed, transactions: writer.transactions };
    },
    close: () => port.close?.(),
    remove: () => port.apply(book.removal(), { full: true }),
  };
}

class ScriptWriter<S> {
  readonly #book: RuleBook<S>;
  readonly #port: RulesPort<S>;
  readonly #log: Logger;
  #generation: number | undefined;
  #foreign = false;
  #swept = false;
  transactions = 0;

  constructor({ book, port, log }: ScriptedEngineParts<S>) {
    this.#book = book;
    this.#port = port;
    this.#log = log;
  }

  async writeChanges(services: readonly string[], mayMismatch: boolean): Promise<WriteResult> {
    try {
      await this.#apply(this.#book.changes(services), false);
      return { kind: "written", refused: [] };
    } catch (error) {
      await this.#probe();
      if (mayMismatch && isMismatch(error)) return { kind: "mismatch", reason: messageOf(error) };
      return { kind: "written", refused: await this.#halve(services, error) };
    }
  }

  async writeAll(services: Iterable<string>): Promise<WriteResult> {
    this.#foreign = false;
    for (const recreate of [false, true]) {
      try {
        await this.#apply(this.#book.full({ recreate }), true);
        await this.#sweep();
        return { kind: "written", refused: [] };
      } catch (error) {
        if (codeOf(error) === "EMSGSIZE") break;
        this.#log.warn("a full sync failed", { recreate, error: messageOf(error) });
      }
    }
    // It is too big for one transaction here, or something in it is refused. Start from the empty table; when even that fails the engine does not work.
    await this.#apply(this.#book.ground(), true);
    const result = await this.writeChanges([...services], false);
    await this.#sweep();
    return result;
  }

  noticesOthers(): boolean {
    if (this.#port.isDamaged?.() === true) return true;
    const now = this.#port.generation?.();
    const others = this.#foreign || (this.#generation !== undefined && now !== this.#generation);
    this.#generation = now;
    this.#foreign = false;
    return others;
  }

  async #halve(services: readonly string[], error: unknown): Promise<readonly Refusal[]> {
    const [first] = services;
    if (first === undefined) throw error;
    if (services.length === 1) return [{ service: first, reason: messageOf(error) }];
    const middle = services.length >> 1;
    const refused: Refusal[] = [];
    for (const half of [services.slice(0, middle), services.slice(middle)]) {
      try {
        await this.#apply(this.#book.changes(half), false);
      } catch (halfError) {
        refused.push(...(await this.#halve(half, halfError)));
      }
    }
    return refused;
  }

  async #apply(transaction: Transaction<S>, full: boolean): Promise<void> {
    if (transaction.isEmpty) return transaction.commit();
    const before = this.#port.generation?.();
    const ownBefore = this.#port.transactions?.() ?? 0;
    // What others did before a full write is written over.
    if (!full && this.#generation !== undefined && before !== this.#generation) this.#foreign = true;
    await this.#port.apply(transaction.script, { full });
    transaction.commit();
    this.transactions++;
    this.#generation = this.#port.generation?.();
    // A transaction that changes nothing is not counted.
    const own = (this.#port.transactions?.() ?? 1) - ownBefore;
    if (before !== undefined && (this.#generation ?? before) > before + own) this.#foreign = true;
  }

  /** Once a process: afterwards all that is there is its own. */
  async #sweep(): Promise<void> {
    const script = this.#swept ? undefined : this.#book.leftovers?.();
    this.#swept = true;
    if (script === undefined) return;
    try {
      await this.#apply({ script, isEmpty: false, size: 0, commit: () => undefined }, false);
    } catch (error) {
      // As in a kernel without IPv6, which has no such table either.
      this.#log.debug("cannot look for rules of an earlier process", { error: messageOf(error) });
    }
  }

  /** Fails when not even an empty change can be made: then no Service is to blame. */
  async #probe(): Promise<void> {
    await this.#port.apply(this.#book.probe(), { full: false });
    this.#generation = this.#port.generation?.();
  }
}

function isMismatch(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "EEXIST";
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
