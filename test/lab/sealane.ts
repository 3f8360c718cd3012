import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../bin/sealane.js", import.meta.url));

/** The repository's `examples/NAME.yaml`. */
export function example(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}.yaml`, import.meta.url));
}

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it has written so far, to both outputs. */
  readonly output: () => string;
}

/**
 * The `sealane` command as a user runs it, with labs in a directory of this test's own. As root it can act as an ordinary
 * user (uid 65534) instead.
 */
export class Sealane {
  readonly directory: string;
  readonly #uid: number | undefined;
  readonly #started: ChildProcess[] = [];

  constructor(uid?: number) {
    this.directory = mkdtempSync(join(tmpdir(), "sealane-test-"));
    this.#uid = uid;
    if (uid !== undefined) chownSync(this.directory, uid, uid);
  }

  /** Starts a command and leaves it running; its output is collected in `output`. */
  start(...args: readonly string[]): Started {
    return this.#collect(this.#spawn([process.execPath, program, ...args]));
  }

  /** Starts what a user pastes into a shell; `npx sealane` is the command of this repository. */
  startShell(text: string): Started {
    return this.#collect(this.#spawn(shell(text)));
  }

  #collect(child: ChildProcess): Started {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    return { child, output: () => text };
  }

  /** Runs a command to its end. */
  run(...args: readonly string[]): Promise<Finished> {
    return this.runWith("", ...args);
  }

  /** Runs a command with this text as its standard input. */
  runWith(input: string, ...args: readonly string[]): Promise<Finished> {
    return this.#finish(this.#spawn([process.execPath, program, ...args]), input);
  }

  /** Runs what a user pastes into a shell; `npx sealane` is the command of this repository. */
  runShell(text: string): Promise<Finished> {
    return this.#finish(this.#spawn(shell(text)), "");
  }

  #finish(child: ChildProcess, input: string): Promise<Finished> {
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ code, stdout, stderr }));
    });
  }

  /** Ends what is left and removes the test's directory. */
  async cleanUp(): Promise<void> {
    await this.run("down", "--all");
    for (const child of this.#started) child.kill("SIGKILL");
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Files that labs left behind in this test's directory. */
  leftFiles(): readonly string[] {
    return readdirSync(this.directory, { recursive: true })
      .map(String)
      .filter((name) => name.includes("/"));
  }

  #spawn(argv: readonly string[]): ChildProcess {
    const env = { ...process.env, TMPDIR: this.directory, NO_COLOR: "1", HOME: this.directory };
    const asUser = ["setpriv", `--reuid=${this.#uid}`, `--regid=${this.#uid}`, "--clear-groups"];
    const [command = "", ...args] = this.#uid === undefined ? argv : [...asUser, ...argv];
    const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#started.push(child);
    return child;
  }
}

function shell(text: string): readonly string[] {
  return ["sh", "-c", text.replaceAll("npx sealane", `"${process.execPath}" "${program}"`)];
}

/** Waits until `condition` gives something; fails with `what` after `timeoutMs`. */
export async function until<T>(what: string, condition: () => T | undefined | false, timeoutMs = 10_000): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = condition();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > deadline) throw new Error(`Not so after ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
}

/** Ids of the host's processes whose command line contains `text`, this one left out. */
export function processesWith(text: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^[0-9]+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const path = `/proc/${pid}/cmdline`;
      try {
        return existsSync(path) && readFileSync(path, "utf8").includes(text);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** What the host's network looks like: to be the same before and after a lab. */
export function hostNetwork(): string {
  const commands = [
    ["ip", "netns"],
    ["ip", "-o", "link"],
    ["ip", "-4", "route", "show", "table", "all"],
    ["ip", "-o", "addr"],
    ["nft", "list", "ruleset"],
  ];
  return commands
    .map(([command = "", ...args]) => {
      // Lifetimes count down by themselves.
      const text = execFileSync(command, args, { encoding: "utf8" }).replaceAll(/(valid|preferred)_lft \S+/g, "");
      return `# ${command} ${args.join(" ")}\n${text}`;
    })
    .join("\n");
}
