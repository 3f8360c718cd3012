import { messageOf } from "../core/index.ts";
import type { Cancel, Clock, Logger } from "../core/index.ts";
import { writeFixedRules } from "./fixed-rules.ts";
import type { FixedRules, PacketFilter } from "./fixed-rules.ts";
import { openTableWatch } from "./iptables-tables.ts";
import type { TableWatch } from "./iptables-tables.ts";

/** Keeps fixed rules in a network namespace. */
export interface FixedRulesKeeper {
  /** Writes them like `writeFixedRules`, and writes them again whenever somebody has taken them away, until `close`. Rejects when they cannot be written at all. */
  keep(rules: FixedRules): Promise<PacketFilter>;
  /** Looks no more; the rules stay. */
  close(): void;
}

export interface FixedRulesKeeperOptions {
  /** Path of the network namespace; the caller's own by default. */
  readonly namespace?: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** How often to look, in milliseconds. */
  readonly everyMs?: number;
}

/** Opens a keeper. Each look is one question to the kernel, and some more when anybody has changed its rules since the last one. */
export function keepFixedRules(options: FixedRulesKeeperOptions): FixedRulesKeeper {
  return new Keeper(options);
}

interface Kept {
  readonly rules: FixedRules;
  readonly filter: PacketFilter;
  /** What the kernel says of its chains (nftables) or tables (iptables), in their order, since they were written. */
  counts: readonly number[];
}

class Keeper implements FixedRulesKeeper {
  readonly #options: FixedRulesKeeperOptions;
  readonly #watch: TableWatch;
  readonly #kept: Kept[] = [];
  #generation: number | undefined;
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(options: FixedRulesKeeperOptions) {
    this.#options = options;
    this.#watch = openTableWatch(options.namespace);
  }

  async keep(rules: FixedRules): Promise<PacketFilter> {
    const filter = await this.#write(rules);
    if (this.#isClosed) return filter;
    this.#kept.push({ rules, filter, counts: this.#counts(rules, filter) });
    this.#cancel ??= this.#next();
    return filter;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancel?.();
    this.#watch.close();
  }

  #write(rules: FixedRules): Promise<PacketFilter> {
    const { namespace } = this.#options;
    return writeFixedRules(rules, namespace === undefined ? {} : { namespace });
  }

  #next(): Cancel {
    const { clock, everyMs = 1000 } = this.#options;
    return clock.schedule(everyMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const generation = this.#watch.nftGeneration();
    const isSame = generation === this.#generation;
    this.#generation = generation;
    for (const kept of this.#kept) {
      if (isSame && kept.filter === "nftables") continue;
      const counts = this.#counts(kept.rules, kept.filter);
      if (counts.some((count, i) => count < (kept.counts[i] ?? 0))) await this.#restore(kept);
      else kept.counts = counts;
      if (this.#isClosed) return;
    }
    this.#cancel = this.#next();
  }

  async #restore(kept: Kept): Promise<void> {
    const { log } = this.#options;
    const what = `rules ${kept.rules.purpose} may have been taken away`;
    try {
      await this.#write(kept.rules);
      if (!this.#isClosed) kept.counts = this.#counts(kept.rules, kept.filter);
      log.info(`${what}, and are written again`);
    } catch (error) {
      // The next look finds them missing, too.
      this.#generation = undefined;
      log.warn(`${what}, and cannot be written again yet`, { error: messageOf(error) });
    }
  }

  /** Less than before says that something was taken away; of iptables, that it may have been. */
  #counts({ nft, iptables }: FixedRules, filter: PacketFilter): readonly number[] {
    if (filter === "nftables") {
      return Object.keys(nft.chains).map((chain) => this.#watch.nftChainUse("IPv4", nft.table, chain) ?? 0);
    }
    const tables = new Set(iptables.map(({ table }) => table));
    return [...tables].map((table) => this.#watch.legacyTable("IPv4", table)?.entries ?? 0);
  }
}
