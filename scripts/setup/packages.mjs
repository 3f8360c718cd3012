import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cacheDirectory, root, say } from "./root.mjs";

const stamp = `${cacheDirectory}/packages`;

/** What the installed packages depend on: the lockfile, and the machine that prebuilt binaries are for. */
function fingerprint() {
  const hash = createHash("sha256")
    .update(readFileSync(`${root}/package-lock.json`))
    .digest("hex");
  return `${hash} ${process.platform}-${process.arch}\n`;
}

/** Whether node_modules is what the lockfile says, as far as set-up knows. */
export function arePackagesInstalled() {
  try {
    return readFileSync(stamp, "utf8") === fingerprint();
  } catch {
    return false;
  }
}

/** Installs exactly what the lockfile says. No package may run a script: all binaries come prebuilt. */
export function installPackages() {
  say("installing npm packages from the lockfile");
  const [program, ...first] = npm();
  const flags = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
  const { status, error } = spawnSync(program, [...first, ...flags, "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (error !== undefined) throw new Error(`npm did not start (${error.message}): install npm, which comes with Node`);
  if (status !== 0) {
    throw new Error("npm ci failed; what npm wrote above says why. It needs the npm registry, or a filled npm cache");
  }
  mkdirSync(cacheDirectory, { recursive: true });
  writeFileSync(stamp, fingerprint());
}

/** The npm that runs this script, if one does; else the one on PATH. */
function npm() {
  const path = process.env.npm_execpath;
  return path !== undefined && path.endsWith("npm-cli.js") && existsSync(path) ? [process.execPath, path] : ["npm"];
}
