import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * The seed of searches that should find something new now and then, and yet say of a change what it is worth: it is made of the commit. So every
 * commit tries other sequences, and each run of one commit the same. `FAST_CHECK_SEED` is used instead when it is set; without a
 * repository it is always the same. fast-check prints it with a failure.
 */
export function sequenceSeed(): number {
  const given = process.env["FAST_CHECK_SEED"];
  return given === undefined ? Number.parseInt(commit().slice(0, 7), 16) : Number(given);
}

/** The commit that is checked out, in hexadecimal digits. */
function commit(): string {
  try {
    // In a user-mode kernel the clone may belong to somebody else than who runs the tests.
    const git = ["-c", "safe.directory=*", "-C", root, "rev-parse", "HEAD"];
    return execFileSync("git", git, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "0abcdef";
  }
}
