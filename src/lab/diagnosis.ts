import { spawnSync } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { searchPath } from "./search-path.ts";

/** What decides whether this user may make a lab. Settings are undefined where the kernel does not have them. */
export interface NamespaceFacts {
  readonly root: boolean;
  readonly missingPrograms: readonly string[];
  readonly maxUserNamespaces: number | undefined;
  readonly unprivilegedUsernsClone: number | undefined;
  readonly apparmorRestriction: number | undefined;
  /** What `unshare` itself said when it was tried; undefined when it worked. */
  readonly failure: string | undefined;
}

/** The programs that a lab starts, and the Debian packages they come from. */
export const labPrograms: Readonly<Record<string, string>> = {
  unshare: "util-linux",
  nsenter: "util-linux",
  setpriv: "util-linux",
  mount: "mount",
  nft: "nftables",
};

/** One line that says why there can be no lab and what to do; undefined when nothing is in the way. */
export function explainNamespaceProblem(facts: NamespaceFacts): string | undefined {
  if (facts.missingPrograms.length > 0) return explainMissing(facts.missingPrograms, facts.root);
  if (facts.failure === undefined) return undefined;
  if (facts.root) {
    return `Root may not make namespaces here (${facts.failure}): in a container, start it with --privileged or --cap-add SYS_ADMIN --cap-add NET_ADMIN --security-opt seccomp=unconfined`;
  }
  if (facts.maxUserNamespaces === 0)
    return userNamespaceLine("user.max_user_namespaces is 0", "user.max_user_namespaces=10000");
  if (facts.unprivilegedUsernsClone === 0) {
    return userNamespaceLine("kernel.unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone=1");
  }
  if (facts.apparmorRestriction === 1) {
    return userNamespaceLine("AppArmor restricts them", "kernel.apparmor_restrict_unprivileged_userns=0");
  }
  return `Ordinary users may not make namespaces here (${facts.failure}): run sealane with sudo`;
}

function explainMissing(programs: readonly string[], root: boolean): string {
  const packages = [...new Set(programs.map((program) => labPrograms[program] ?? program))].sort().join(" ");
  const install = `${root ? "" : "sudo "}apt-get install ${packages}`;
  return `${programs.join(", ")} not found: install with "${install}" (Debian, Ubuntu) and try again`;
}

/** One line that says which programs of a lab are not installed, and how to install them; undefined when none is missing. */
export function findMissingPrograms(): string | undefined {
  const missing = Object.keys(labPrograms).filter((program) => !isProgram(program));
  return missing.length === 0 ? undefined : explainMissing(missing, process.getuid?.() === 0);
}

function userNamespaceLine(reason: string, setting: string): string {
  return `Ordinary users may not make namespaces here (${reason}): run "sudo sysctl -w ${setting}", or run sealane with sudo`;
}

/** Tries to make the namespaces of a lab (some 10 ms) and says what is in the way; undefined when nothing is. */
export function findNamespaceProblem(): string | undefined {
  const root = process.getuid?.() === 0;
  const missingPrograms = Object.keys(labPrograms).filter((program) => !isProgram(program));
  return explainNamespaceProblem({
    root,
    missingPrograms,
    maxUserNamespaces: setting("user/max_user_namespaces"),
    unprivilegedUsernsClone: setting("kernel/unprivileged_userns_clone"),
    apparmorRestriction: setting("kernel/apparmor_restrict_unprivileged_userns"),
    failure: missingPrograms.includes("unshare") ? undefined : tryNamespaces(root),
  });
}

/**
 * The arguments of `unshare` that put `command` into the namespaces of a new lab, as its process 1. When `unshare` dies, the command gets
 * `signal`: with TERM it can clean up, if it listens to it (process 1 ignores signals that it does not handle).
 */
export function unshareArgs(
  command: readonly string[],
  root: boolean = process.getuid?.() === 0,
  signal: "KILL" | "TERM" = "KILL",
): readonly string[] {
  const user = root ? [] : ["--user", "--map-root-user"];
  return [...user, "--net", "--mount", "--pid", "--fork", `--kill-child=${signal}`, ...command];
}

function tryNamespaces(root: boolean): string | undefined {
  const { status, stderr, error } = spawnSync("unshare", unshareArgs(["true"], root), { encoding: "utf8" });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim().split("\n").at(-1) || `unshare ended with ${status}`);
}

function isProgram(name: string): boolean {
  return searchPath()
    .split(delimiter)
    .some((folder) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

function setting(key: string): number | undefined {
  try {
    return Number(readFileSync(`/proc/sys/${key}`, "utf8"));
  } catch {
    return undefined;
  }
}
