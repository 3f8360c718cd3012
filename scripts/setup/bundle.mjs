import { rmSync } from "node:fs";
import { root } from "./root.mjs";

/** The programs of a lab. Each is loaded by a process of its own, often several times at once. */
const programs = { sealane: "cli/main.js", supervisor: "app/supervisor-main.js", agent: "app/agent-main.js" };

/**
 * Puts each program into one file (and one for each command that is loaded later) in dist/run. A lab starts five processes: importing
 * the supervisor's modules one by one took 125 ms, as one file 27 ms.
 */
export async function bundle() {
  const { rolldown } = await import("rolldown");
  rmSync(`${root}/dist/run`, { recursive: true, force: true });
  for (const [name, input] of Object.entries(programs)) {
    const build = await rolldown({
      input: { main: `${root}/dist/${input}` },
      platform: "node",
      // What has native parts, and what only benchmarks load, stays where it is.
      external: [/^#bench\//, "koffi", "lmdb", "ws"],
    });
    await build.write({ dir: `${root}/dist/run/${name}`, format: "esm", minify: { compress: true, mangle: false } });
    await build.close();
  }
}
