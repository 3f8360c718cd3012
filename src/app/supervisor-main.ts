import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { messageOf } from "../core/index.ts";
import { removeLabDirectory } from "./lab-directory.ts";
import { stopLine } from "./lab-options.ts";
import type { SupervisorInput, SupervisorReport } from "./lab-options.ts";
import type { ManifestObject } from "./manifests.ts";
import { spawnAgent } from "./supervisor/spawn-agent.ts";

/** The descriptors that the launcher leaves to the supervisor. */
const apiListenerFd = 3;
const reportsFd = 4;

const reports = new Socket({ fd: reportsFd, readable: false });
// The launcher may have left (-d): then nobody reads.
reports.on("error", () => undefined);
const report = (line: SupervisorReport) => void reports.write(`${JSON.stringify(line)}\n`);

let stop: ((code: number) => void) | undefined;
const end = (code: number) => (stop === undefined ? process.exit(code) : stop(code));

// As the first process of its namespace this one ignores signals that it does not handle.
process.on("SIGTERM", () => end(0));
process.on("SIGINT", () => end(0));

let detached = false;
let giveManifests: (manifests: readonly ManifestObject[]) => void = () => undefined;
const manifests = new Promise<readonly ManifestObject[]>((resolve) => (giveManifests = resolve));

const handlers: ((line: string) => void)[] = [
  (line) => void begin(JSON.parse(line) as SupervisorInput),
  (line) => giveManifests(JSON.parse(line) as readonly ManifestObject[]),
];
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => (line === stopLine ? end(0) : handlers.shift()?.(line)));
lines.on("close", () => {
  if (!detached || handlers.length > 0) end(0);
});

async function begin(input: SupervisorInput): Promise<void> {
  detached = input.detached;
  try {
    // The agents load while this process does: there are two cores at least to wait for.
    const agents = Array.from({ length: input.options.nodes }, () => spawnAgent(input.directory.path));
    const { runSupervisor } = await import("./supervisor/supervisor.ts");
    const supervisor = await runSupervisor({ input, manifests, agents, apiListenerFd, report });
    stop = (code) => {
      supervisor.stop();
      // The shell above does this, too, unless it was what died.
      removeLabDirectory(input.directory);
      process.exit(code);
    };
  } catch (error) {
    report({ kind: "problem", message: messageOf(error) });
    if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
    reports.end(() => process.exit(1));
  }
}
