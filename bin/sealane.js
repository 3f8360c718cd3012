#!/usr/bin/env node
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`sealane: Node ${process.versions.node} is too old: install Node 20.19 or newer\n`);
  process.exit(1);
}

// An ordinary user's PATH often lacks the directories where nft is installed.
process.env.PATH = `${process.env.PATH ?? "/usr/local/bin:/usr/bin:/bin"}:/usr/sbin:/sbin`;

const main = new URL("../dist/run/sealane/main.js", import.meta.url);
if (!existsSync(main)) {
  const setup = new URL("../scripts/setup.mjs", import.meta.url);
  const { spawnSync } = await import("node:child_process");
  // What set-up prints must not mix with what the command prints.
  const { status } = spawnSync(process.execPath, [fileURLToPath(setup), "demo"], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}
await import(main.href);
