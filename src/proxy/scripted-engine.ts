import { messageOf } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import type { FullOptions, RuleBook, ServicePlan, Transaction } from "../model/index.ts";
import { ChainWatch } from "./chain-watch.ts";
import type { EngineStats, Notice, ProxyEngine, ProxyMode, Refusal, WriteResult } from "./engine.ts";
import type { ChainPlace, RulesPort } from "./rules-port.ts";

/** What a scripted engine is made of. */
export interface ScriptedEngineParts<S> {
  readonly mode: ProxyMode;
  readonly book: RuleBook<S>;
  readonly port: RulesPort<S>;
  /** In nftables: the chains that the kernel has of the book. */
  readonly chains?: () => readonly ChainPlace[];
  readonly shortcomings: (plan: ServicePlan) => readonly string[];
  readonly log: Logger;
}

/**
 * An engine that writes scripts, and finds the Services to blame when one fails: it is halved until the culprits stand
 * alone and everything else is in the kernel. When everything is written at once, as at a start, they are found without
 * writing where the kernel's tool can tell, so that rules of before carry traffic until then.
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
  readonly #chains: ChainWatch | undefined;
  #generation: number | undefined;
  #foreign = false;
  #swept = false;
  transactions = 0;

  constructor({ book, port, chains, log }: ScriptedEngineParts<S>) {
    this.#book = book;
    this.#port = port;
    this.#log = log;
    if (chains !== undefined && port.chainUse !== undefined) {
      this.#chains = new ChainWatch({ chains, useOf: port.chainUse.bind(port) });
    }
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
    const result = await this.#writeEverything(services);
    await this.#sweep();
    return result;
  }

  async #writeEverything(services: Iterable<string>): Promise<WriteResult> {
    const result = await this.#writeWhole();
    if (result === "written") return { kind: "written", refused: [] };
    const names = [...services];
    if (result === "refused") {
      const refused = await this.#findRefused(names);
      const aside = new Set(refused.map(({ service }) => service));
      // Those that were found keep the rules that they had, as far as this process knows them.
      const stateOf = (service: string) => (aside.has(service) ? "former" : "wanted");
      if (aside.size > 0 && (await this.#writeWhole(stateOf)) === "written") return { kind: "written", refused };
    }
    // It is too big for one transaction here, or nobody knows what is refused. Start from the empty table; when even that fails the engine does not work.
    await this.#apply(this.#book.ground(), true);
    return this.writeChanges(names, false);
  }

  noticesOthers(): Notice {
    if (this.#port.look !== undefined) return this.#port.look();
    const now = this.#port.generation?.();
    const others = this.#foreign || (this.#generation !== undefined && now !== this.#generation);
    this.#generation = now;
    this.#foreign = false;
    if (others && this.#chains?.areDamaged() === true) return "damage";
    this.#chains?.note();
    return others ? "changes" : "nothing";
  }

  #halve(services: readonly string[], error: unknown): Promise<readonly Refusal[]> {
    return culpritsIn(services, error, (part) => this.#apply(this.#book.changes(part), false));
  }

  /** Writes everything; over what stands in the way when it must be. */
  async #writeWhole(stateOf?: FullOptions["stateOf"]): Promise<"written" | "refused" | "too big"> {
    const part = stateOf === undefined ? {} : { stateOf };
    let result: "refused" | "too big" = "too big";
    for (const recreate of [false, true]) {
      try {
        await this.#apply(this.#book.full({ recreate, ...part }), true);
        return "written";
      } catch (error) {
        if (codeOf(error) === "EMSGSIZE") break;
        result = "refused";
        this.#log.warn("a full sync failed", { recreate, error: messageOf(error) });
      }
    }
    return result;
  }

  /** The Services that are refused, each by itself, without writing anything; none when that cannot be told. */
  async #findRefused(services: readonly string[]): Promise<readonly Refusal[]> {
    const port = this.#port;
    if (port.check === undefined) return [];
    const check = async (part: readonly string[]): Promise<void> => {
      const names = new Set(part);
      const stateOf = (service: string) => (names.has(service) ? "wanted" : "none");
      await port.check?.(this.#book.full({ recreate: true, stateOf }).script);
    };
    try {
      await check([]);
    } catch {
      // No Service is to blame.
      return [];
    }
    try {
      await check(services);
      return [];
    } catch (error) {
      return culpritsIn(services, error, check);
    }
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
    this.#chains?.written();
    this.#generation = this.#port.generation?.();
    // A transaction that changes nothing is not counted.
    const own = (this.#port.transactions?.() ?? 1) - ownBefore;
    if (before !== undefined && (this.#generation ?? before) > before + own) this.#foreign = true;
    // After a small change there is time until the next look.
    else if (full) this.#chains?.note();
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

/** The Services that fail by themselves, among some that failed together. Rejects when there are none at all. */
async function culpritsIn(
  services: readonly string[],
  error: unknown,
  attempt: (services: readonly string[]) => Promise<void>,
): Promise<readonly Refusal[]> {
  const [first] = services;
  if (first === undefined) throw error;
  if (services.length === 1) return [{ service: first, reason: messageOf(error) }];
  const middle = services.length >> 1;
  const refused: Refusal[] = [];
  for (const half of [services.slice(0, middle), services.slice(middle)]) {
    try {
      await attempt(half);
    } catch (halfError) {
      refused.push(...(await culpritsIn(half, halfError, attempt)));
    }
  }
  return refused;
}

function isMismatch(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "EEXIST";
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}
