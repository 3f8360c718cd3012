import { askLab, requireLab } from "../app/index.ts";
import { parseOptions, UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { print } from "./terminal.ts";

const help = `Usage: sealane node stop|start NAME [--name LAB]

Lets a node die as if its power were cut (its agent is killed, its link goes down), or brings it back.

  --name LAB  the lab (default: default)`;

async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseOptions({
    args: [...args],
    allowPositionals: true,
    options: { name: { type: "string", default: "default" } },
  });
  const [action, node, ...rest] = positionals;
  if ((action !== "stop" && action !== "start") || node === undefined || rest.length > 0) {
    throw new UsageError("Say what to do with which node: stop NAME or start NAME");
  }
  const { directory } = requireLab(values.name);
  await askLab(directory.controlSocket, action === "stop" ? "stop-node" : "start-node", { node });
  print(action === "stop" ? `${node} is dead` : `${node} is starting`);
  return 0;
}

export const command: Command = { help, run };
