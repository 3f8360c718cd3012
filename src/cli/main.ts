import { CodedError, kubernetesVersion, messageOf, version } from "../core/index.ts";
import { UsageError } from "./command.ts";
import type { Command } from "./command.ts";
import { print, printError } from "./terminal.ts";

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<{ readonly command: Command }>;
}

const commands: Readonly<Record<string, Entry>> = {
  up: { summary: "start a lab, in the foreground or with -d", load: () => import("./up.ts") },
  down: { summary: "stop a lab", load: () => import("./down.ts") },
  status: { summary: "what runs in a lab, and what is not ready", load: () => import("./status.ts") },
  kubeconfig: { summary: "print the path of a lab's kubeconfig", load: () => import("./kubeconfig.ts") },
  exec: { summary: "run a command at a place in the lab's network", load: () => import("./exec.ts") },
  forward: { summary: "open a port on the host to a Service", load: () => import("./forward.ts") },
  node: { summary: "let a node die, and bring it back", load: () => import("./node.ts") },
  proxy: { summary: "the Service proxy: its mode, its rules, and without a lab", load: () => import("./proxy.ts") },
  dns: { summary: "serve cluster DNS for any Kubernetes API; trace a lookup", load: () => import("./dns.ts") },
  demo: { summary: "start a lab and prove the tour with real packets", load: () => import("./demo.ts") },
  bench: { summary: "measure: up, proxy, dns", load: () => import("./bench.ts") },
};

function help(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    "sealane: the Kubernetes Service layer, on one machine, with real packets",
    "",
    "Usage: sealane COMMAND [OPTIONS]",
    "",
    ...lines,
    "",
    `"sealane COMMAND --help" shows a command's options. Follows Kubernetes ${kubernetesVersion}.`,
  ].join("\n");
}

async function runOrHelp(command: Command, args: readonly string[]): Promise<number> {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  if (!own.includes("--help") && !own.includes("-h")) return command.run(args);
  print(command.help);
  return 0;
}

/** The words of the command that runs, for pointers to its help: `sealane dns trace`. */
const called = ["sealane"];

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    print(help());
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "version") {
    print(`sealane ${version} (Kubernetes ${kubernetesVersion})`);
    return 0;
  }
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw new UsageError(`There is no command ${JSON.stringify(name)}`);
  called.push(name);
  const { command } = await entry.load();
  const [first = "", ...others] = rest;
  const { subcommands = {} } = command;
  const load = Object.hasOwn(subcommands, first) ? subcommands[first] : undefined;
  if (load === undefined) return runOrHelp(command, rest);
  called.push(first);
  return runOrHelp(await load(), others);
}

// Output into a closed pipe (`sealane status | head`) is no error.
process.stdout.on("error", () => process.exit(0));

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  printError(`sealane: ${messageOf(error)}`);
  // By its code: benchmarks are built apart from this program, with classes of their own.
  if (error instanceof Error && "code" in error && error.code === "Usage") {
    printError(`Try "${called.join(" ")} --help".`);
    process.exitCode = 2;
  } else {
    if (!(error instanceof CodedError) && error instanceof Error && process.env["SEALANE_DEBUG"] !== undefined) {
      printError(error.stack ?? "");
    }
    process.exitCode = 1;
  }
}
