import { once } from "node:events";
import { watch } from "node:fs";
import { askLab, readLabRecord, removeLabDirectory, requireLab, runningLabs } from "../app/index.ts";
import { parseOptions } from "./command.ts";
import type { Command } from "./command.ts";
import { print } from "./terminal.ts";

const help = `Usage: sealane down [--name NAME | --all]

Stops a lab and waits until nothing of it is left.

  --name NAME  the lab (default: default)
  --all        every lab of yours`;

async function run(args: readonly string[]): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: { name: { type: "string", default: "default" }, all: { type: "boolean", default: false } },
  });
  const names = values.all ? runningLabs() : [values.name];
  for (const name of names) await stopLab(name);
  if (names.length === 0) print("No lab is running");
  return 0;
}

/** Asks the lab to end, insists after 5 s, and returns when its processes and files are gone. */
async function stopLab(name: string): Promise<void> {
  const { directory, record } = requireLab(name);
  await askLab(directory.controlSocket, "stop").catch(() => process.kill(record.hostPid, "SIGKILL"));
  const insist = setTimeout(() => process.kill(record.hostPid, "SIGKILL"), 5000);
  while (readLabRecord(directory) !== undefined) await changed(directory.path);
  clearTimeout(insist);
  removeLabDirectory(directory);
  print(`Lab ${name} is gone`);
}

/** Resolves when something in the directory changes, or after 20 ms: the end of a process makes no file event. */
async function changed(path: string): Promise<void> {
  try {
    const watcher = watch(path);
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 20);
    await once(watcher, "change", { signal: stop.signal }).catch(() => undefined);
    clearTimeout(timer);
    watcher.close();
  } catch {
    // The directory is gone already.
  }
}

export const command: Command = { help, run };
