import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { packageFile } from "../package-files.ts";

/** MB for new objects, of which V8 keeps three: an agent has few at a time, and a lab has many agents. Twice as much is the default. */
export const smallNursery = "--max-semi-space-size=8";

/**
 * Starts the process of an agent, which loads and then waits for its first message. The directory of the lab stands on its command line only to
 * be seen there.
 */
export function spawnAgent(directory: string): ChildProcess {
  return spawn(
    process.execPath,
    [...process.execArgv, smallNursery, packageFile("dist/run/agent/main.js"), directory],
    {
      cwd: "/",
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    },
  );
}
