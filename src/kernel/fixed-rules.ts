import { CodedError, messageOf } from "../core/index.ts";
import { ProgramError, runProgram } from "./exec.ts";
import { NftError } from "./nft-error.ts";
import { openNft } from "./nft.ts";

/** A few IPv4 rules that are written once, in the languages of both packet filters that kernels offer; both mean the same. */
export interface FixedRules {
  /** What they are for, in errors: "rules that ...". */
  readonly purpose: string;
  readonly nft: FixedTable;
  readonly iptables: readonly FixedChain[];
}

/** A table of nftables, of the family ip. */
export interface FixedTable {
  /** Nobody else's. */
  readonly table: string;
  /** What is in each chain, as nft takes it: first the line about its hook. */
  readonly chains: Readonly<Record<string, readonly string[]>>;
}

/** A chain of iptables, and the chain of the kernel at whose end it is called. */
export interface FixedChain {
  readonly table: "raw" | "nat";
  readonly hook: "PREROUTING" | "OUTPUT" | "POSTROUTING";
  /** Nobody else's, at most 28 characters. */
  readonly name: string;
  /** As `iptables -A NAME` takes them. */
  readonly rules: readonly string[];
}

/** Which of them a kernel offers: nftables where it has both. */
export type PacketFilter = "nftables" | "iptables-legacy";

/**
 * Writes the rules into a network namespace (a path; the caller's own by default), over those of an earlier call, and tells by which filter.
 * Rejects with `CodedError` code `PacketFilterMissing` when neither works there, and with `NftError` or `ProgramError` when the rules are refused.
 */
export async function writeFixedRules(
  rules: FixedRules,
  place: { readonly namespace?: string } = {},
): Promise<PacketFilter> {
  const nft = openNft(place);
  try {
    await nft.apply(nftText(rules.nft));
    return "nftables";
  } catch (error) {
    if (!isMissing(error)) throw error;
    return await writeByIptables(rules, place, messageOf(error));
  } finally {
    nft.close();
  }
}

/** Input for nft that may be given again: it makes the table anew. */
export function nftText({ table, chains }: FixedTable): string {
  const texts = Object.entries(chains).map(([name, lines]) => `chain ${name} {\n${lines.join("\n")}\n}\n`);
  return `table ip ${table}\ndelete table ip ${table}\ntable ip ${table} {\n${texts.join("")}}\n`;
}

async function writeByIptables(
  { purpose, iptables }: FixedRules,
  place: { readonly namespace?: string },
  nftSays: string,
): Promise<PacketFilter> {
  try {
    const tables = [...new Set(iptables.map(({ table }) => table))];
    for (const table of tables) {
      const saved = await runProgram(["iptables-legacy-save", "-t", table], place);
      const chains = iptables.filter((chain) => chain.table === table);
      const input = iptablesText(table, chains, saved);
      await runProgram(["iptables-legacy-restore", "--noflush", "-w", "5"], { input, ...place });
    }
    return "iptables-legacy";
  } catch (error) {
    throw new CodedError(
      "PacketFilterMissing",
      `There is no packet filter for rules ${purpose}: this kernel needs nftables for IPv4 (modprobe nf_tables nft_chain_nat, and the program nft) or ` +
        `iptables (modprobe iptable_nat iptable_raw, and the program iptables-legacy). ${nftSays}; ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Input for `iptables-restore --noflush` that makes the chains what they should be; `saved` is what `iptables-save` lists of the table. */
export function iptablesText(table: FixedChain["table"], chains: readonly FixedChain[], saved: string): string {
  const present = new Set(saved.split("\n"));
  const lines = [
    ...chains.map(({ name }) => `:${name} - [0:0]`),
    ...chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...chains.map(({ hook, name }) => `-A ${hook} -j ${name}`).filter((jump) => !present.has(jump)),
  ];
  return `*${table}\n${lines.join("\n")}\nCOMMIT\n`;
}

/** Whether nftables is not there at all, or not for IPv4. */
function isMissing(error: unknown): boolean {
  if (error instanceof ProgramError) return error.code === "ProgramMissing";
  return error instanceof NftError && error.code === "EOPNOTSUPP";
}
