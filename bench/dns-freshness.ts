import { wholeNumber } from "./arguments.ts";
import { benchFreshness, targetMs } from "./dns/freshness.ts";

/**
 * Prints how soon answers show what was written to the API, in clusters of `args` Services (default 10,000); gives 1 when
 * the median of one is over the target.
 */
export async function run(args: readonly string[]): Promise<number> {
  const usage = "sealane bench dns-freshness [SERVICES...]";
  const sizes = (args.length === 0 ? ["10000"] : args).map((text) => wholeNumber(text, "Services", 2, usage));
  let isGood = true;
  for (const services of sizes) {
    const result = await benchFreshness(services);
    const times = [result.medianMs, result.p99Ms, result.longestMs].map((ms) => `${ms.toFixed(1)} ms`);
    const lines = [
      `Cluster DNS of ${services} Services, 3 endpoints each: ${result.changes} changes one by one, API write to answer over UDP`,
      `median, 99 of 100, longest   ${times.join(", ")}`,
      `over ${targetMs} ms                   ${result.over} of ${result.changes}`,
      `start to ready               ${result.readyMs.toFixed(0)} ms; ${result.memoryMb.toFixed(0)} MB resident after the changes`,
      result.isGood ? "good" : "NOT GOOD",
      JSON.stringify(result),
    ];
    process.stdout.write(`${lines.join("\n")}\n`);
    isGood &&= result.isGood;
  }
  return isGood ? 0 : 1;
}
