import { Socket } from "node:net";
import { createInterface } from "node:readline";
import { messageOf } from "../core/index.ts";
import { removeLabDirectory } from "./lab-directory.ts";
import type { SupervisorInput, SupervisorReport } from "./lab-options.ts";
import { runSupervisor } from "./supervisor/supervisor.ts";

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

let input: SupervisorInput | undefined;
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  if (input !== undefined) return end(0);
  input = JSON.parse(line) as SupervisorInput;
  const { directory } = input;
  runSupervisor(input, apiListenerFd, report).then(
    (supervisor) => {
      stop = (code) => {
        supervisor.stop();
        // The shell above does this, too, unless it was what died.
        removeLabDirectory(directory);
        process.exit(code);
      };
    },
    (error: unknown) => {
      report({ kind: "problem", message: messageOf(error) });
      if (error instanceof Error) process.stderr.write(`${error.stack}\n`);
      reports.end(() => process.exit(1));
    },
  );
});
lines.on("close", () => {
  if (input === undefined || !input.detached) end(0);
});
