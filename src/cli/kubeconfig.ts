import { requireLab } from "../app/index.ts";
import { parseOptions } from "./command.ts";
import type { Command } from "./command.ts";
import { print } from "./terminal.ts";

const help = `Usage: sealane kubeconfig [--name NAME]

Prints the path of the lab's kubeconfig, for:  export KUBECONFIG=$(sealane kubeconfig)

  --name NAME  the lab (default: default)`;

function run(args: readonly string[]): Promise<number> {
  const { values } = parseOptions({ args: [...args], options: { name: { type: "string", default: "default" } } });
  print(requireLab(values.name).directory.kubeconfig);
  return Promise.resolve(0);
}

export const command: Command = { help, run };
