import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const firstProcess = fileURLToPath(new URL("uml-init.sh", import.meta.url));
const modules = "/usr/lib/uml/modules";

/** How a command in a user-mode kernel ended. */
export interface UmlResult {
  readonly exitCode: number;
  /** What the command wrote to standard output and standard error, and what the kernel said in between. */
  readonly output: string;
}

export interface UmlOptions {
  /** Killed after this time, with all that runs in it; 3 minutes by default. Booting takes about 2 s. */
  readonly timeoutMs?: number;
  /** Of the kernel, in MiB; 768 by default. */
  readonly memory?: number;
  /** Added to the command's environment, which else has little more than PATH. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Why no user-mode kernel can be booted here, and what to do; `undefined` when one can. Debian's is needed, because it has
 * IPVS and SCTP, which the kernels of small machines and of continuous integration lack. It has no nftables for IP.
 */
export function umlProblem(): string | undefined {
  const missing = ["linux.uml", "modprobe", "setpriv"].filter((name) => !isInstalled(name));
  if (missing.length > 0) {
    return `${missing.join(", ")} not found: install Debian's packages user-mode-linux, kmod and util-linux (apt-get install user-mode-linux kmod util-linux)`;
  }
  return existsSync(modules)
    ? undefined
    : `${modules} is not there: install Debian's package user-mode-linux, others lack modules`;
}

function isInstalled(program: string): boolean {
  return `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin:/usr/bin:/bin`.split(":").some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return folder !== "";
    } catch {
      return false;
    }
  });
}

/**
 * Boots a user-mode kernel and runs one command in it, as root there, in the directory of this clone. The kernel sees the host's files
 * with the rights of this process; /run is its own, also for temporary files; its network is its own and empty. Several may run at once.
 * Throws when it does not boot or runs out of time; a command that fails is a result.
 */
export async function runInUml(argv: readonly string[], options: UmlOptions = {}): Promise<UmlResult> {
  const problem = umlProblem();
  if (problem !== undefined) throw new Error(`No user-mode kernel: ${problem}`);
  const { timeoutMs = 180_000, memory = 768, env = {} } = options;
  const folder = mkdtempSync(join(tmpdir(), "sealane-uml-"));
  try {
    const variables = { HOME: "/run/home", TMPDIR: "/run/tmp", CI: "1", NO_COLOR: "1", TERM: "dumb", ...env };
    const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
    writeFileSync(
      join(folder, "command"),
      `${exports.join("")}cd ${quoted(root)} || exit\n${argv.map(quoted).join(" ")}\n`,
    );
    const output = await boot(folder, memory, timeoutMs);
    const code = join(folder, "exit-code");
    if (!existsSync(code)) throw new Error(`The user-mode kernel ended before its command did. It said:\n${output}`);
    return { exitCode: Number(readFileSync(code, "utf8")), output };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function boot(folder: string, memory: number, timeoutMs: number): Promise<string> {
  const kernel = ["root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw", `init=${firstProcess}`, "quiet"];
  const console = ["con=null", "con0=fd:0,fd:1", `mem=${memory}M`, `uml_dir=${folder}/`, `SEALANE_UML=${folder}`];
  // A test process that is killed takes its kernel with it.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "linux.uml", ...kernel, ...console], {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: { PATH: `${process.env["PATH"] ?? ""}:/usr/bin:/usr/sbin` },
  });
  let output = "";
  const collect = (text: string): void => {
    output += text;
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  return new Promise((resolve, reject) => {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, timeoutMs);
    child.once("error", reject);
    child.once("close", () => {
      clearTimeout(timer);
      if (late) reject(new Error(`Not done within ${timeoutMs} ms in the user-mode kernel. It said:\n${output}`));
      else resolve(output);
    });
  });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

interface FileReport {
  readonly name: string;
  readonly status: string;
  readonly message: string;
  readonly assertionResults: readonly {
    readonly ancestorTitles: readonly string[];
    readonly title: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}

/**
 * Runs test files (`*.uml.test.ts`, paths in the clone) in one user-mode kernel, and defines a test here for each test there, so that
 * a report reads as if they had run on this machine. To be awaited at the top of a test file. Where no kernel can be booted
 * the files are skipped, with the reason in their names.
 */
export async function inUml(files: readonly string[], options: UmlOptions = {}): Promise<void> {
  const problem = umlProblem();
  if (problem !== undefined) {
    for (const file of files) it.skipIf(true)(`${file}: no user-mode kernel: ${problem}`, () => undefined);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "sealane-uml-report-"));
  try {
    const report = join(folder, "report.json");
    const seed = process.env["FAST_CHECK_SEED"];
    const env = { ...(seed === undefined ? {} : { FAST_CHECK_SEED: seed }), ...options.env };
    const vitest = [process.execPath, "node_modules/vitest/vitest.mjs", "run", "--config", "vitest.uml.config.ts"];
    const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
    const { output } = await runInUml([...vitest, ...reporters, ...files], { ...options, env });
    const reports = existsSync(report)
      ? (JSON.parse(readFileSync(report, "utf8")) as { readonly testResults: readonly FileReport[] }).testResults
      : [];
    for (const file of files)
      define(
        file,
        reports.find(({ name }) => name === join(root, file)),
        output,
      );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function define(file: string, report: FileReport | undefined, output: string): void {
  describe(`${file} in a user-mode kernel`, () => {
    const tests = report?.assertionResults ?? [];
    const failed = tests.some(({ status }) => status === "failed");
    if (report === undefined || tests.length === 0 || (report.status === "failed" && !failed)) {
      it("runs", () => {
        throw new Error(`${report?.message ?? ""}\nThe file did not run. The kernel's console:\n${output}`);
      });
    }
    for (const { ancestorTitles, title, status, failureMessages } of tests) {
      const name = [...ancestorTitles, title].join(" > ");
      if (status === "passed") it(name, () => undefined);
      else if (status === "failed") {
        it(name, () => {
          throw new Error(failureMessages.join("\n"));
        });
      } else it.skipIf(true)(name, () => undefined);
    }
  });
}
