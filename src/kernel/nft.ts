import { checked, libc } from "./libc.ts";
import { inNamespace } from "./netns.ts";
import { ProgramError, runProgram } from "./exec.ts";
import { decodeNftError } from "./nft-error.ts";
import { readChainUse } from "./nft-chain.ts";
import type { NftChainPlace } from "./nft-chain.ts";
import { readGeneration } from "./nft-generation.ts";
import { openNftBatchSocket } from "./nft-load.ts";
import type { NftBatchSocket, NftTableLoad } from "./nft-load.ts";
import { openNftLibrary } from "./nft-library.ts";
import type { NftLibrary } from "./nft-library.ts";

/**
 * Input for `nft -f`: a text, or for a big one its pieces, which are made as nft reads them. `loads` lead to the same in less time: the
 * elements are netlink messages there.
 */
export type NftScript = string | { readonly pieces: () => Iterable<string>; readonly loads?: readonly NftTableLoad[] };

/** The nftables of one network namespace. */
export interface Nft {
  /**
   * Applies a script as one transaction: all of it or, on failure, nothing. Rejects with `NftError`, or with
   * `ProgramError` code `ProgramMissing` when nft is not installed. A script with loads is several transactions; each leaves the packets with
   * rules that work, and a failure (`KernelError`) those of before or, in a table that was not there, none.
   */
  apply(script: NftScript, options?: { readonly full?: boolean }): Promise<void>;
  /**
   * Whether nft and the kernel would take a script, without its loads; nothing is changed. Rejects like `apply` when they would not. The
   * kernel takes the whole transaction, and gives it up instead of ending it.
   */
  check(script: NftScript): Promise<void>;
  /** A number that grows by one with each transaction of anyone in the namespace. */
  generation(): number;
  /** How many rules a chain has, and how many rules and elements lead to it, in one number; `undefined` when there is no such chain. */
  chainUse(place: NftChainPlace): number | undefined;
  /** How many transactions this object has made at most: one that changes nothing is none. */
  transactions(): number;
  close(): void;
}

export interface NftOptions {
  /** Path of the network namespace; the caller's own by default. */
  readonly namespace?: string;
}

/** Bigger scripts go to the program: what parsing them takes (70 MB for 40,000 elements) ends with the process. */
const longestLibraryScript = 64 * 1024;

/**
 * Opens nftables. Measured with 30,000 elements present: one small change takes 0.1 ms through libnftables in this
 * process, 8 to 28 ms through a process `nft -f -` (of which 3 to 5 ms block this one). A long-lived `nft -i` would save the
 * start, but gives no answer on success. So small changes go through the library, and full ones through the program,
 * which also proves first that this version of nft accepts the rules: a failed assertion of nft ends its process.
 */
export function openNft({ namespace }: NftOptions = {}): Nft {
  const place = namespace === undefined ? {} : { namespace };
  let library: NftLibrary | undefined;
  let opened = false;
  let socket: number | undefined;
  let batches: NftBatchSocket | undefined;
  let transactions = 0;
  const asking = (): number => {
    const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 12));
    return (socket ??= namespace === undefined ? open() : inNamespace(namespace, open));
  };

  const run = async (script: NftScript, options: readonly string[]): Promise<void> => {
    const input = typeof script === "string" ? script : script.pieces();
    try {
      await runProgram(["nft", ...options, "-f", "-"], { input, ...place });
    } catch (error) {
      if (!(error instanceof ProgramError) || error.code === "ProgramMissing") throw error;
      throw decodeNftError(error.stderr.includes("Error: ") ? error.stderr : `Error: ${error.message}`);
    }
  };

  const applyByProgram = (script: NftScript): Promise<void> => run(script, []);

  return {
    check: (script) => run(script, ["-c"]),
    async apply(script, { full = false } = {}) {
      if (script === "") return;
      if (typeof script !== "string" && script.loads !== undefined) {
        batches ??= namespace === undefined ? openNftBatchSocket() : inNamespace(namespace, openNftBatchSocket);
        for (const table of script.loads) transactions += await batches.load(table, applyByProgram);
        return;
      }
      transactions++;
      if (full || typeof script !== "string" || script.length > longestLibraryScript) return applyByProgram(script);
      if (!opened) library = openNftLibrary(namespace);
      opened = true;
      if (library === undefined) return applyByProgram(script);
      // The library names the wrong line of scripts with several: what failed is tried again by the program, which knows.
      if (library.run(script) !== undefined) await applyByProgram(script);
    },
    generation: () => readGeneration(asking()),
    chainUse: (chain) => readChainUse(asking(), chain),
    transactions: () => transactions,
    close() {
      batches?.close();
      batches = undefined;
      library?.close();
      if (socket !== undefined) libc().close(socket);
      library = undefined;
      socket = undefined;
    },
  };
}
