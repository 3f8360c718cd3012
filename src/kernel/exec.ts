import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { Readable } from "node:stream";
import { CodedError } from "../core/index.ts";
import { inNamespace } from "./netns.ts";

/** A program that could not be started or that failed: what was run, and what it said. */
export class ProgramError extends CodedError {
  readonly argv: readonly string[];
  /** Everything that the program wrote to its standard error. */
  readonly stderr: string;

  constructor(code: string, argv: readonly string[], stderr: string, message: string) {
    super(code, message);
    this.argv = argv;
    this.stderr = stderr;
  }
}

export interface ProgramOptions {
  /** Written to the program's standard input; pieces are taken as the program reads. */
  readonly input?: string | Iterable<string>;
  /** Takes the standard output as it comes, which is then not kept. */
  readonly onOutput?: (text: string) => void;
  /** Path of the network namespace to run it in; the caller's own by default. */
  readonly namespace?: string;
}

/**
 * Runs a program and gives back its standard output. Rejects with `ProgramError`: code `ProgramMissing` when it is not
 * installed, `ProgramFailed` when it ends with another exit code than 0.
 */
export function runProgram(argv: readonly [string, ...string[]], options: ProgramOptions = {}): Promise<string> {
  const output: string[] = [];
  const { input = "", namespace, onOutput = (text) => void output.push(text) } = options;
  const [program, ...args] = argv;
  // Ordinary users often lack the folders of system programs.
  const env = { ...process.env, PATH: `${process.env["PATH"] ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`, LC_ALL: "C" };
  const start = (): ChildProcess => spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env });
  return new Promise((resolve, reject) => {
    const child = namespace === undefined ? start() : inNamespace(namespace, start);
    const errors: string[] = [];
    child.stdout?.setEncoding("utf8").on("data", onOutput);
    child.stderr?.setEncoding("utf8").on("data", (text: string) => errors.push(text));
    child.once("error", (error) => {
      const missing = "code" in error && error.code === "ENOENT";
      const message = missing
        ? `${program} is not installed: install it with your package manager (Debian, Ubuntu: apt-get install ${packageOf(program)})`
        : `${program} could not be started: ${error.message}`;
      reject(new ProgramError(missing ? "ProgramMissing" : "ProgramFailed", argv, "", message));
    });
    child.once("close", (code, signal) => {
      if (code === 0) return resolve(output.join(""));
      const stderr = errors.join("").trim();
      const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
      reject(new ProgramError("ProgramFailed", argv, stderr, `${argv.join(" ")}: ${stderr || end}`));
    });
    // A program that ends before it has read everything reports by its exit code, not by a broken pipe.
    child.stdin?.on("error", () => undefined);
    if (typeof input === "string") child.stdin?.end(input);
    else if (child.stdin !== null) Readable.from(input).pipe(child.stdin);
  });
}

const packages: Readonly<Record<string, string>> = { nft: "nftables", ip: "iproute2", conntrack: "conntrack" };

function packageOf(program: string): string {
  if (/^ip6?tables/.test(program)) return "iptables";
  return packages[program] ?? program;
}
