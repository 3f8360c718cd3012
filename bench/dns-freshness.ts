import { benchFreshness } from "./dns-freshness/changes.ts";

/** Prints how soon answers show what was written to the API, in clusters of `args` Services (default 10,000). */
export async function run(args: readonly string[]): Promise<number> {
  for (const services of args.length === 0 ? [10_000] : args.map(Number)) {
    const result = await benchFreshness(services);
    const times = [result.medianMs, result.p99Ms, result.longestMs].map((ms) => `${ms.toFixed(1)} ms`);
    const lines = [
      `Cluster DNS of ${services} Services, 3 endpoints each: ${result.changes} changes, API write to answer over UDP`,
      `median, 99 of 100, longest   ${times.join(", ")}`,
      `start to ready               ${result.readyMs.toFixed(0)} ms, then ${result.memoryMb.toFixed(0)} MB`,
      JSON.stringify({ services, ...result }),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
  }
  return 0;
}
