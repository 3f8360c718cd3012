import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";

const help = `Usage: sealane bench up [RUNS] | proxy [--modes MODE,MODE,...] [SERVICESxENDPOINTS...] | machine
                   | dns [--seconds S] [SERVICES...] | dns soak [MINUTES] | dns-freshness [SERVICES...]

Modes: nftables, iptables-legacy, iptables-nft, ipvs, userspace (all of them by default).

The project's own measurements, as a table and a line of JSON. See bench/README.md for what each measures.`;

const names = ["up", "proxy", "machine", "dns", "dns-freshness"];

/** What each module in bench/ exports. */
interface Bench {
  readonly run: (args: readonly string[]) => Promise<number>;
}

async function run(args: readonly string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (!names.includes(name)) throw new UsageError(`Say what to measure: ${names.join(", ")}`);
  const bench = (await import(`#bench/${name}`)) as Bench;
  try {
    return await bench.run(rest);
  } catch (error) {
    // Benchmarks are no part of this program's bundle, so their errors are of another class.
    if (error instanceof Error && "code" in error && error.code === "Usage") throw new UsageError(error.message);
    throw error;
  }
}

export const command: Command = { help, run };
