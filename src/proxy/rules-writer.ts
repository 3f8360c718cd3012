import { messageOf } from "../core/index.ts";
import type { Logger } from "../core/index.ts";
import type { RuleSet, Transaction } from "../rules/nftables/index.ts";
import type { RulesPort } from "./ports.ts";

/** A Service whose rules the kernel refuses, and why. */
export interface Refusal {
  readonly service: string;
  readonly reason: string;
}

/** How a write ended. `mismatch`: the kernel has other things than it should, a full write is needed. */
export type WriteResult =
  | { readonly kind: "written"; readonly refused: readonly Refusal[] }
  | { readonly kind: "mismatch"; readonly reason: string };

/**
 * Writes transactions, and finds the Services to blame when one fails: it is halved until the culprits stand alone and
 * everything else is in the kernel. Rejects only when the engine itself does not work; the kernel then has what it had.
 */
export class RulesWriter {
  readonly #rules: RuleSet;
  readonly #port: RulesPort;
  readonly #log: Logger;
  #generation: number | undefined;
  #foreign = false;
  transactions = 0;

  constructor(rules: RuleSet, port: RulesPort, log: Logger) {
    this.#rules = rules;
    this.#port = port;
    this.#log = log;
  }

  /** Writes the changes of these Services. With `mayMismatch`, a mismatch is reported instead of halving. */
  async writeChanges(services: readonly string[], mayMismatch: boolean): Promise<WriteResult> {
    try {
      await this.#apply(this.#rules.changes(services), false);
      return { kind: "written", refused: [] };
    } catch (error) {
      await this.#probe();
      if (mayMismatch && isMismatch(error)) return { kind: "mismatch", reason: messageOf(error) };
      return { kind: "written", refused: await this.#halve(services, error) };
    }
  }

  /** Writes everything, over whatever is there. */
  async writeAll(services: readonly string[]): Promise<WriteResult> {
    this.#foreign = false;
    for (const recreate of [false, true]) {
      try {
        await this.#apply(this.#rules.full({ recreate }), true);
        return { kind: "written", refused: [] };
      } catch (error) {
        if (codeOf(error) === "EMSGSIZE") break;
        this.#log.warn("a full sync failed", { recreate, error: messageOf(error) });
      }
    }
    // It is too big for one transaction here, or something in it is refused. Start from the empty table; when even that fails the engine does not work.
    await this.#apply(this.#rules.ground(), true);
    return this.writeChanges(services, false);
  }

  /** Whether somebody else has changed the kernel's rules since the last write or call. */
  noticesOthers(): boolean {
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
        await this.#apply(this.#rules.changes(half), false);
      } catch (halfError) {
        refused.push(...(await this.#halve(half, halfError)));
      }
    }
    return refused;
  }

  async #apply(transaction: Transaction, full: boolean): Promise<void> {
    if (transaction.script === "") return transaction.commit();
    const before = this.#port.generation?.();
    // What others did before a full write is written over.
    if (!full && this.#generation !== undefined && before !== this.#generation) this.#foreign = true;
    await this.#port.apply(transaction.script, { full });
    transaction.commit();
    this.transactions++;
    this.#generation = this.#port.generation?.();
    // A transaction that changes nothing is not counted.
    if (before !== undefined && (this.#generation ?? before) > before + 1) this.#foreign = true;
  }

  /** Fails when not even an empty change can be made: then no Service is to blame. */
  async #probe(): Promise<void> {
    await this.#port.apply(this.#rules.probe(), { full: false });
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
