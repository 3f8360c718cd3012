import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CodedError, messageOf } from "../core/index.ts";

/** What a running lab says about itself to other commands: `lab.json` in its directory. */
export interface LabRecord {
  readonly name: string;
  /** The supervisor's process id as the host sees it. */
  readonly hostPid: number;
  /** Start time of that process in clock ticks since boot, so that a reused pid is not mistaken for the lab. */
  readonly hostPidStart: string;
  /** Whether the lab lives in a user namespace of its own (started by an ordinary user). */
  readonly userNamespace: boolean;
  /** The API's URL on the host's loopback. */
  readonly server: string;
  readonly startedAt: string;
}

/** The files of one lab, in a directory that only its user can enter. */
export interface LabDirectory {
  readonly name: string;
  readonly path: string;
  readonly apiSocket: string;
  readonly controlSocket: string;
  readonly relaySocket: string;
  readonly kubeconfig: string;
  readonly log: string;
}

const namePattern = /^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/;

/** The directory of the lab called `name`, existing or not. Throws `CodedError` "InvalidName". */
export function labDirectory(name: string): LabDirectory {
  if (!namePattern.test(name)) {
    throw new CodedError(
      "InvalidName",
      `${JSON.stringify(name)} cannot be the name of a lab: use at most 32 lower-case letters, digits and "-"`,
    );
  }
  const path = join(labsRoot(), name);
  return {
    name,
    path,
    apiSocket: join(path, "api.sock"),
    controlSocket: join(path, "control.sock"),
    relaySocket: join(path, "relay.sock"),
    kubeconfig: join(path, "kubeconfig"),
    log: join(path, "log"),
  };
}

/**
 * Makes the directory of a new lab; what a dead lab of the same name left is removed first.
 * Throws `CodedError` "NameInUse" while a lab of that name runs.
 */
export function createLabDirectory(name: string): LabDirectory {
  const directory = labDirectory(name);
  ensurePrivate(labsRoot());
  if (existsSync(directory.path)) {
    if (isStartingOrRunning(directory)) {
      const other = name === "default" ? "give this one another --name" : `choose another name than ${name}`;
      throw new CodedError(
        "NameInUse",
        `A lab named ${name} is running: stop it with "sealane down --name ${name}", or ${other}`,
      );
    }
    rmSync(directory.path, { recursive: true, force: true });
  }
  mkdirSync(directory.path, { mode: 0o700 });
  writeFileSync(join(directory.path, "launcher.pid"), `${process.pid} ${startTime(process.pid) ?? ""}`);
  return directory;
}

/** Removes the lab's files. */
export function removeLabDirectory(directory: LabDirectory): void {
  rmSync(directory.path, { recursive: true, force: true });
}

/** Makes the lab known to other commands. */
export function writeLabRecord(directory: LabDirectory, record: LabRecord): void {
  writeFileSync(join(directory.path, "lab.json"), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
}

/** The record of a running lab; undefined when no lab of that name runs. */
export function readLabRecord(directory: LabDirectory): LabRecord | undefined {
  try {
    const record = JSON.parse(readFileSync(join(directory.path, "lab.json"), "utf8")) as LabRecord;
    return startTime(record.hostPid) === record.hostPidStart ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The record of the lab called `name`. Throws `CodedError` "NoSuchLab" that names the labs there are. */
export function requireLab(name: string): { readonly directory: LabDirectory; readonly record: LabRecord } {
  const directory = labDirectory(name);
  const record = readLabRecord(directory);
  if (record !== undefined) return { directory, record };
  const others = runningLabs();
  const hint =
    others.length === 0 ? `start one with "sealane up"` : `running: ${others.join(", ")} (choose with --name)`;
  throw new CodedError("NoSuchLab", `No lab named ${name} is running; ${hint}`);
}

/** Names of this user's running labs, sorted. */
export function runningLabs(): readonly string[] {
  if (!existsSync(labsRoot())) return [];
  return readdirSync(labsRoot())
    .filter((name) => namePattern.test(name) && readLabRecord(labDirectory(name)) !== undefined)
    .sort();
}

/** Start time of a process in clock ticks since boot (field 22 of proc(5) stat); undefined when there is none. */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

function labsRoot(): string {
  return join(tmpdir(), `sealane-${process.getuid?.() ?? 0}`);
}

function isStartingOrRunning(directory: LabDirectory): boolean {
  if (readLabRecord(directory) !== undefined) return true;
  try {
    const [pid, start] = readFileSync(join(directory.path, "launcher.pid"), "utf8").split(" ");
    return Number(pid) !== process.pid && startTime(Number(pid)) === start;
  } catch {
    return false;
  }
}

/** A directory in a shared /tmp may have been made by somebody else to read our kubeconfig: refuse it. */
function ensurePrivate(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) {
      const advice = "set TMPDIR to a directory that you may write to";
      throw new CodedError("UnsafeDirectory", `Cannot make ${path}: ${messageOf(error)}: ${advice}`);
    }
  }
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0) {
    throw new CodedError("UnsafeDirectory", `${path} is not a private directory of yours: remove it, or set TMPDIR`);
  }
}
