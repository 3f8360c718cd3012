import { fileURLToPath } from "node:url";
import { until } from "./sealane.ts";
import type { Sealane } from "./sealane.ts";

const program = fileURLToPath(new URL("testdata/keep-connecting.mjs", import.meta.url));

/** Connections that are made one after the other. */
export interface Connecting {
  /** Ends that, and says what failed. */
  stop(): Promise<{ readonly count: number; readonly failures: readonly string[] }>;
}

/** Connects again and again from a place of the lab, with a pause in milliseconds between; the first connection is being made when it resolves. */
export async function keepConnectingFrom(
  sealane: Sealane,
  place: string,
  host: string,
  port: number,
  pauseMs = 0,
): Promise<Connecting> {
  const started = sealane.start("exec", place, "--", process.execPath, program, host, String(port), String(pauseMs));
  await until("the first connections are made", () => started.output().includes("started"), 30_000);
  return {
    stop: async () => {
      started.child.stdin?.end();
      const line = await until("the count is printed", () => /\{"count".*\}/.exec(started.output())?.[0], 15_000);
      return JSON.parse(line) as { readonly count: number; readonly failures: readonly string[] };
    },
  };
}
