import { readFileSync } from "node:fs";
import type { IpFamily } from "../core/index.ts";
import { ProgramError, runProgram } from "./exec.ts";
import { decodeIptablesError, failedLine, IptablesError } from "./iptables-error.ts";
import { outlineReader } from "./iptables-outline.ts";
import type { TableOutline } from "./iptables-outline.ts";
import { openTableWatch } from "./iptables-tables.ts";
import type { LegacyTable } from "./iptables-tables.ts";
import { editTable, knowsTables } from "./legacy-tables.ts";
import type { EditTable } from "./legacy-tables.ts";
import { NativeMemory } from "./native-memory.ts";
import { inNamespace } from "./netns.ts";
import { inTurns } from "./turns.ts";
import { withXtablesLock } from "./xtables-lock.ts";

/** The two programs behind the name `iptables`: the kernel's own tables, or those of nftables with the same rules. */
export type IptablesVariant = "legacy" | "nft";

/** What one family's program is to do. */
export interface IptablesFamilyScript {
  readonly family: IpFamily;
  /** Whether `runs` must be told what is there. */
  readonly needsOutline: boolean;
  /** Chains that are there after it, whatever later scripts change. Absent: those of the last script that told any. */
  readonly lasting?: readonly LastingChain[];
  /** Texts for `iptables-restore`, one after another, each in pieces of whole lines; the same again when asked again. */
  runs(there: ReadonlyMap<string, TableOutline>, limits: { readonly chains: number }): Iterable<Iterable<string>>;
  /**
   * What `runs` does in the legacy tables, without the tool: one table after another. Pauses now and then; `undefined` when only
   * the tool can do it.
   */
  steps?(): Generator<undefined, readonly { readonly table: string; readonly edit: EditTable }[] | undefined>;
  /** The texts that take everything of the caller's away. */
  removal(there: ReadonlyMap<string, TableOutline>, limits: { readonly chains: number }): Iterable<Iterable<string>>;
}

/** A chain of the caller's that all of his rules hang on. */
export interface LastingChain {
  readonly table: string;
  readonly chain: string;
}

/** `remove` asks for the removal in both variants, whichever is in use. */
export interface IptablesScript {
  readonly kind: "write" | "remove";
  readonly families: readonly IptablesFamilyScript[];
}

/** The iptables of one network namespace. */
export interface Iptables {
  /**
   * Applies the runs of a script, table by table; a table in which a line fails stays as it was. The first full script also
   * takes away what the other variant has of the caller's. Rejects with `IptablesError`, or with `ProgramError` code
   * `ProgramMissing` when iptables is not installed.
   */
  apply(script: IptablesScript, options?: { readonly full?: boolean }): Promise<void>;
  /**
   * Whether the tool would take the texts of a script, as if none of the caller's rules were there; nothing is changed. Rejects like
   * `apply` when it would not. The kernel itself is asked of no rule: it may still refuse some.
   */
  check(script: IptablesScript): Promise<void>;
  /**
   * Whether others took away what was written (`damage`), or something, which may have been theirs (`changes`). A few system calls.
   */
  look(): "nothing" | "changes" | "damage";
  /** The variant in use; decided by the first script. */
  variant(): Promise<IptablesVariant>;
  close(): void;
}

export interface IptablesOptions {
  /** Path of the network namespace; the caller's own by default. */
  readonly namespace?: string;
  /** Default: the one that has tables in this namespace; when both or none have, what `iptables` is on this machine. */
  readonly variant?: IptablesVariant;
}

/** A chain of the caller's that every table has, and nothing else of his. Somebody who flushes takes it away. */
const canary = "KUBE-PROXY-CANARY";
const tables = ["mangle", "filter", "nat"] as const;
/** The chains of the kernel (1 << NF_INET_...) that always call some of a proxy's rules: what a flush of the table leaves empty. */
const jumpHooks: Readonly<Record<(typeof tables)[number], number>> = {
  mangle: 0,
  filter: (1 << 1) | (1 << 2) | (1 << 3),
  nat: (1 << 0) | (1 << 3) | (1 << 4),
};
const noTable: LegacyTable = { entries: 0, usedHooks: 0 };
const namesFile: Readonly<Record<IpFamily, string>> = {
  IPv4: "/proc/net/ip_tables_names",
  IPv6: "/proc/net/ip6_tables_names",
};
/**
 * Measured: the legacy program needs 0.3 s for 30,000 chains and 7 s for 150,000, and the kernel's part grows with all that
 * is in the table; the nft program needs 5 s for 30,000 chains at once and 1 s for ten times 3,000.
 */
const chainsAtOnce: Readonly<Record<IptablesVariant, number>> = { legacy: 50_000, nft: 3000 };
/** Seconds to wait for the lock that all legacy programs share. */
const lockSeconds = "5";

/** Opens iptables. Nothing is started or looked at before the first script. */
export function openIptables(options: IptablesOptions = {}): Iptables {
  return new NodeIptables(options);
}

class NodeIptables implements Iptables {
  readonly #place: { readonly namespace?: string };
  readonly #watch;
  #variant: IptablesVariant | undefined;
  /** Each legacy table after the last script, by family and table. */
  readonly #legacy = new Map<string, LegacyTable>();
  readonly #written = new Set<IpFamily>();
  /** By family, the lasting chains of the nft variant after the last script. */
  readonly #chainUses = new Map<IpFamily, readonly ChainUse[]>();
  /** That of nftables when they were last seen to be as they should. */
  #generation: number | undefined;
  #othersRemoved = false;
  /** For images of tables: made with the first one. */
  #memory: NativeMemory | undefined;
  /** Fewer chains at once than usual, when this kernel takes no more. */
  #chains: number | undefined;

  constructor({ namespace, variant }: IptablesOptions) {
    this.#place = namespace === undefined ? {} : { namespace };
    this.#watch = openTableWatch(namespace);
    this.#variant = variant;
  }

  async apply(script: IptablesScript, { full = false }: { readonly full?: boolean } = {}): Promise<void> {
    if (script.kind === "remove") {
      for (const variant of ["nft", "legacy"] as const) await this.#remove(script.families, variant);
      this.#written.clear();
      return;
    }
    const variant = await this.variant();
    for (const family of script.families) await this.#write(family, variant);
    if (full && !this.#othersRemoved) {
      await this.#remove(script.families, variant === "nft" ? "legacy" : "nft");
      this.#othersRemoved = true;
    }
  }

  async check(script: IptablesScript): Promise<void> {
    const variant = await this.variant();
    // Parts would need the ones before them.
    const limits = { chains: Infinity, isTest: true };
    for (const family of script.families) await this.#run(family, variant, new Map(), limits);
  }

  look(): "nothing" | "changes" | "damage" {
    if (this.#variant !== "nft") return this.#lookAtLegacy();
    return this.#isNftDamaged() ? "damage" : "nothing";
  }

  async variant(): Promise<IptablesVariant> {
    this.#variant ??= await this.#variantInUse();
    return this.#variant;
  }

  close(): void {
    this.#memory?.free();
    this.#memory = undefined;
    this.#watch.close();
  }

  #lookAtLegacy(): "nothing" | "changes" | "damage" {
    let result: "nothing" | "changes" = "nothing";
    for (const family of this.#written) {
      for (const table of tables) {
        const before = this.#legacy.get(`${family} ${table}`) ?? noTable;
        const now = this.#watch.legacyTable(family, table) ?? noTable;
        // A chain of the kernel from which rules of the caller were called is empty.
        if ((before.usedHooks & jumpHooks[table] & ~now.usedHooks) !== 0) return "damage";
        // The kernel does not say whose rules went.
        if (now.entries < before.entries) result = "changes";
        this.#legacy.set(`${family} ${table}`, now);
      }
    }
    return result;
  }

  #isNftDamaged(): boolean {
    const generation = this.#watch.nftGeneration();
    if (generation !== undefined && generation === this.#generation) return false;
    for (const family of this.#written) {
      // Whoever took it away while rules were written did so before they were noted.
      if (!tables.every((table) => this.#watch.hasNftChain(family, table, canary))) return true;
      const before = this.#chainUses.get(family) ?? [];
      const now = this.#usesOf(family, before);
      if (now.some(({ use }, i) => use < (before[i]?.use ?? noChain))) return true;
      this.#chainUses.set(family, now);
    }
    this.#generation = generation;
    return false;
  }

  async #variantInUse(): Promise<IptablesVariant> {
    const hasLegacy = this.#hasLegacyTables("IPv4") || this.#hasLegacyTables("IPv6");
    const hasNft = tables.some((table) => this.#watch.hasNftChain("IPv4", table, canary));
    if (hasLegacy !== hasNft) return hasLegacy ? "legacy" : "nft";
    const said = await runProgram(["iptables-restore", "--version"], this.#place);
    return said.includes("nf_tables") ? "nft" : "legacy";
  }

  #hasLegacyTables(family: IpFamily): boolean {
    const read = (): boolean => {
      try {
        return readFileSync(namesFile[family], "utf8").trim() !== "";
      } catch {
        // This kernel has no such tables.
        return false;
      }
    };
    return this.#place.namespace === undefined ? read() : inNamespace(this.#place.namespace, read);
  }

  async #write(script: IptablesFamilyScript, variant: IptablesVariant): Promise<void> {
    try {
      await this.#writeRules(script, variant);
    } finally {
      // A script that fails may have done a part.
      this.#noteFamily(script, variant);
    }
  }

  async #writeRules(script: IptablesFamilyScript, variant: IptablesVariant): Promise<void> {
    const { family, needsOutline } = script;
    if (variant === "legacy" && (await this.#writeTables(script))) {
      this.#written.add(family);
      return;
    }
    let limits = { chains: this.#chains ?? chainsAtOnce[variant] };
    const look = () => (needsOutline ? this.#outline(family, variant) : new Map<string, TableOutline>());
    // What was written by then is there when it begins again.
    while (!(await this.#run(script, variant, await look(), limits))) {
      limits = { chains: limits.chains >> 2 };
      this.#chains = limits.chains;
    }
    // A script may also have taken everything away.
    if (variant === "legacy" || this.#watch.hasNftChain(family, "nat", canary)) this.#written.add(family);
    else this.#written.delete(family);
  }

  /** Keeps what is there after a script, to see later whether others took something away. */
  #noteFamily({ family, lasting }: IptablesFamilyScript, variant: IptablesVariant): void {
    if (variant === "legacy") return this.#countEntries(family);
    const chains = lasting ?? this.#chainUses.get(family) ?? tables.map((table) => ({ table, chain: canary }));
    this.#chainUses.set(family, this.#usesOf(family, chains));
    this.#generation = undefined;
  }

  #usesOf(family: IpFamily, chains: readonly LastingChain[]): readonly ChainUse[] {
    return chains.map(({ table, chain }) => {
      return { table, chain, use: this.#watch.nftChainUse(family, table, chain) ?? noChain };
    });
  }

  /**
   * Changes the legacy tables without the tool. `false` when nothing was written: the tool has to do it, and may say what
   * is wrong.
   */
  async #writeTables(script: IptablesFamilyScript): Promise<boolean> {
    const { family } = script;
    const socket = this.#watch.legacySocket(family);
    if (script.steps === undefined || !knowsTables() || socket < 0) return false;
    const steps = await inTurns(script.steps());
    if (steps === undefined) return false;
    const memory = (this.#memory ??= new NativeMemory(0));
    const place = { socket, family, memory };
    const result = await withXtablesLock(1000 * Number(lockSeconds), async () => {
      for (const [i, { table, edit }] of steps.entries()) {
        const { kind } = await editTable(place, table, edit);
        if (kind === "written") continue;
        // The tool would make the first steps once more.
        if (i > 0 && !script.needsOutline) {
          throw new IptablesError("ENOENT", `the table ${table} is not what this change expects`, "", "");
        }
        return false;
      }
      return true;
    });
    if (result === "busy") throw new IptablesError("EBUSY", `another program holds the xtables lock`, "", "");
    return result === true;
  }

  /** Runs the whole script; `false` when it must be made of smaller parts. */
  async #run(
    script: IptablesFamilyScript,
    variant: IptablesVariant,
    there: ReadonlyMap<string, TableOutline>,
    limits: { readonly chains: number; readonly isTest?: boolean },
  ): Promise<boolean> {
    let number = 0;
    for (const pieces of script.runs(there, limits)) {
      try {
        await this.#restore(script.family, variant, pieces, limits.isTest);
      } catch (error) {
        if (!(error instanceof ProgramError) || error.code === "ProgramMissing") throw error;
        const stderr = error.stderr === "" ? error.message : error.stderr;
        const line = lineOf(script.runs(there, limits), number, failedLine(stderr));
        const decoded = decodeIptablesError(stderr, line);
        if (decoded.code !== "EMSGSIZE" || limits.chains < smallestParts || limits.isTest === true) throw decoded;
        if (number === 0 || script.needsOutline) return false;
        // The same change would not fit any more.
        throw new IptablesError("ENOENT", "a part of the change was too big, others are there", line, stderr);
      }
      number++;
    }
    return true;
  }

  /** Runs the program, unless there is no text at all. */
  async #restore(family: IpFamily, variant: IptablesVariant, pieces: Iterable<string>, isTest = false): Promise<void> {
    const iterator = pieces[Symbol.iterator]();
    const first = iterator.next();
    if (first.done === true) return;
    const input = (function* () {
      yield first.value;
      for (let next = iterator.next(); next.done !== true; next = iterator.next()) yield next.value;
    })();
    const options = [...(variant === "legacy" ? ["-w", lockSeconds] : []), ...(isTest ? ["--test"] : [])];
    await runProgram([program(family, variant, "restore"), "--noflush", "--counters", ...options], {
      input,
      ...this.#place,
    });
  }

  async #outline(family: IpFamily, variant: IptablesVariant): Promise<ReadonlyMap<string, TableOutline>> {
    const reader = outlineReader();
    // The legacy program lists tables that exist; asking for one by name would make it.
    if (variant === "legacy" && !this.#hasLegacyTables(family)) return reader.tables;
    await runProgram([program(family, variant, "save")], { onOutput: (piece) => reader.read(piece), ...this.#place });
    return reader.tables;
  }

  async #remove(scripts: readonly IptablesFamilyScript[], variant: IptablesVariant): Promise<void> {
    for (const script of scripts) {
      if (!this.#mayHaveRules(script.family, variant)) continue;
      const removing = { ...script, needsOutline: true, runs: script.removal.bind(script) };
      let limits = { chains: this.#chains ?? chainsAtOnce[variant] };
      const look = () => this.#outline(script.family, variant);
      while (!(await this.#run(removing, variant, await look(), limits))) limits = { chains: limits.chains >> 2 };
    }
  }

  #mayHaveRules(family: IpFamily, variant: IptablesVariant): boolean {
    if (variant === "legacy") return this.#hasLegacyTables(family);
    return tables.some((table) =>
      [canary, "KUBE-SERVICES"].some((chain) => this.#watch.hasNftChain(family, table, chain)),
    );
  }

  #countEntries(family: IpFamily): void {
    for (const table of tables) {
      this.#legacy.set(`${family} ${table}`, this.#watch.legacyTable(family, table) ?? noTable);
    }
  }
}

/** A chain with the number of rules that are in it or lead to it. */
interface ChainUse extends LastingChain {
  readonly use: number;
}

/** Less than that of any chain, also of one without rules. */
const noChain = -1;

/** Fewer chains than these are not divided any more. */
const smallestParts = 64;

function program(family: IpFamily, variant: IptablesVariant, action: "restore" | "save"): string {
  return `${family === "IPv4" ? "iptables" : "ip6tables"}-${variant}-${action}`;
}

/** The text of a line (1 is the first) of one of the runs; empty when there is none. */
function lineOf(runs: Iterable<Iterable<string>>, number: number, line: number | undefined): string {
  let at = 0;
  for (const pieces of runs) {
    let passed = 0;
    for (const piece of pieces) {
      if (at !== number || line === undefined) continue;
      const lines = piece.split("\n");
      const found = lines[line - 1 - passed];
      if (line - passed < lines.length) return found ?? "";
      passed += lines.length - 1;
    }
    if (at++ === number) return "";
  }
  return "";
}
