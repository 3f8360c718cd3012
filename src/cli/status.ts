import { askLab, requireLab, runningLabs } from "../app/index.ts";
import type { LabStatus } from "../app/index.ts";
import { parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { statusText } from "./status-text.ts";
import { print } from "./terminal.ts";

const help = `Usage: sealane status [--name NAME] [-o json]

What runs in a lab: nodes, Services with their addresses, what is a stand-in, what is stored without anything acting on it, and
what is not ready. Exit code 0 when all is ready.

  --name NAME  the lab (default: default)
  -o json      as JSON`;

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: { name: { type: "string", default: "default" }, output: { type: "string", short: "o" } },
  });
  if (values.output !== undefined && values.output !== "json")
    throw new UsageError(`-o can be json, not ${values.output}`);
  const { directory } = requireLab(values.name);
  const status = await askLab<LabStatus>(directory.controlSocket, "status");
  if (values.output === "json") {
    print(JSON.stringify(status, null, 2));
  } else {
    print(`Lab ${status.name}, API ${status.server}, since ${status.startedAt}\n`);
    print(statusText(status));
    const others = runningLabs().filter((name) => name !== status.name);
    if (others.length > 0) print(`\nOther labs: ${others.join(", ")}`);
  }
  return status.notReady.length === 0 ? 0 : 1;
}

export const command: Command = { help, run };
