import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { until } from "./sealane.ts";
import type { Finished } from "./sealane.ts";

/** One kubectl at one lab, in one namespace, with a home of its own for kubectl's cache. */
export class KubectlSession {
  readonly #program: string;
  readonly #flags: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  readonly #watches: ChildProcess[] = [];

  constructor(program: string, kubeconfig: string, namespace: string, home: string) {
    this.#program = program;
    this.#flags = ["--kubeconfig", kubeconfig, "--namespace", namespace];
    this.#env = { ...process.env, HOME: home, NO_COLOR: "1" };
  }

  /** Runs kubectl to its end, with `input` on its standard input. */
  async runWith(input: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
    const child = this.#spawn(args, env);
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

  /** Runs kubectl, whatever comes of it. */
  try(...args: readonly string[]): Promise<Finished> {
    return this.runWith("", args);
  }

  /** Runs kubectl, which must succeed; gives what it printed. */
  async run(...args: readonly string[]): Promise<string> {
    return this.#succeeded(await this.runWith("", args), args);
  }

  /** Runs kubectl with `manifest` for `-f -`, which must succeed; gives what it printed. */
  async feed(manifest: string, ...args: readonly string[]): Promise<string> {
    return this.#succeeded(await this.runWith(manifest, args), args);
  }

  /** Starts kubectl and lets it run on; gives what it has printed so far. */
  watch(...args: readonly string[]): () => string {
    const child = this.#spawn(args, {});
    this.#watches.push(child);
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
    return () => text;
  }

  /** Waits until a JSONPath of an object, such as `svc/web` and `{.spec.type}`, has this value. */
  async untilValue(object: string, path: string, wanted: string): Promise<void> {
    let seen = "";
    const asked = async () => (seen = (await this.try("get", object, "-o", `jsonpath=${path}`)).stdout) === wanted;
    let found = false;
    const deadline = performance.now() + 10_000;
    while (!found && performance.now() < deadline) found = await asked();
    await until(`${object} ${path} is ${wanted}, not ${seen}`, () => found, 0);
  }

  /** Ends the watches that are still running. */
  close(): void {
    for (const child of this.#watches) child.kill("SIGKILL");
  }

  #spawn(args: readonly string[], env: NodeJS.ProcessEnv): ChildProcess {
    return spawn(this.#program, [...this.#flags, ...args], { env: { ...this.#env, ...env } });
  }

  #succeeded(finished: Finished, args: readonly string[]): string {
    if (finished.code === 0) return finished.stdout;
    throw new Error(`kubectl ${args.join(" ")} ended with ${finished.code}: ${finished.stderr}${finished.stdout}`);
  }
}
