import { spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, mkdirSync, openSync } from "node:fs";
import { build, isBuilt } from "./build.mjs";
import { fetchKubectl120 } from "./kubectl-120.mjs";
import { arePackagesInstalled, installPackages } from "./packages.mjs";
import { ensurePrograms, findProgram } from "./programs.mjs";
import { root, say } from "./root.mjs";

/** Set in the process that already holds the lock. */
const lockedVariable = "SEALANE_SETUP_LOCKED";

/**
 * Makes the clone ready for `purpose`: "demo" (run labs), "test" (everything) or "check" (tests without a kernel).
 * Throws an `Error` whose message says what to do.
 */
export async function setUp(purpose) {
  if (!(arePackagesInstalled() && isBuilt())) {
    requireWritable();
    if (process.env[lockedVariable] === undefined && runUnderLock(purpose)) return;
    if (!arePackagesInstalled()) installPackages();
    if (!isBuilt()) await build();
  }
  if (purpose === "check") return;
  ensurePrograms(purpose);
  if (purpose === "test") fetchKubectl120();
}

/** Throws when this user may not write to the clone: an ordinary user may use what the owner has set up. */
function requireWritable() {
  try {
    accessSync(root, constants.W_OK);
  } catch {
    throw new Error(
      `${root} is not set up, and you may not write there: run "node scripts/setup.mjs" in it as its owner`,
    );
  }
}

/**
 * Two set-ups of one clone must not install over each other: the slow part runs again under flock(1), whose lock dies with
 * its holder. Returns false when there is no flock or nowhere to lock, and then set-up goes on without.
 */
function runUnderLock(purpose) {
  const flock = findProgram("flock");
  const file = `${root}/dist/.setup-lock`;
  try {
    mkdirSync(`${root}/dist`, { recursive: true });
    closeSync(openSync(file, "a"));
  } catch {
    return false;
  }
  if (flock === undefined) return false;
  const command = [process.execPath, `${root}/scripts/setup.mjs`, purpose];
  const env = { ...process.env, [lockedVariable]: "1" };
  if (spawnSync(flock, ["--nonblock", file, "true"]).status !== 0) {
    say("waiting for another set-up of this clone to end");
  }
  const { status } = spawnSync(flock, [file, ...command], { stdio: "inherit", env });
  if (status !== 0) process.exit(status ?? 1);
  return true;
}
