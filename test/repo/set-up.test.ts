import { execFile, spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { labPrograms } from "../../src/lab/diagnosis.ts";

const scripts = fileURLToPath(new URL("../../scripts", import.meta.url));
const programsOfSetUp = readFileSync(join(scripts, "setup/programs.mjs"), "utf8");
let clone = "";

// A clone in small, with an npm and a compiler that only write down that they were called.
beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), "sealane-set-up-"));
  cpSync(scripts, join(clone, "scripts"), { recursive: true });
  for (const folder of ["bin", "src/cli", "bench", "dist/old"]) mkdirSync(join(clone, folder), { recursive: true });
  write("package-lock.json", "first");
  write("tsconfig.base.json", "{}");
  write("src/cli/main.ts", "export const a = 1;");
  write("src/cli/main.test.ts", "");
  write("dist/old/gone.js", "");
  write("log", "");
  write("compiler.js", 'require("node:fs").appendFileSync("log", "compile\\n");');
  write("bundler.mjs", "export const rolldown = async () => ({ write: async () => {}, close: async () => {} });");
  write("bundler.json", '{ "exports": "./index.mjs" }');
  const install = [
    "mkdir -p node_modules/typescript/bin node_modules/rolldown",
    "cp compiler.js node_modules/typescript/bin/tsc",
    "cp bundler.mjs node_modules/rolldown/index.mjs",
    "cp bundler.json node_modules/rolldown/package.json",
  ].join(" && ");
  write("bin/npm", `#!/bin/sh\necho "npm $*" >> log\ntest -e slow && sleep 0.2\n${install}\n`);
  chmodSync(join(clone, "bin/npm"), 0o755);
});

afterEach(() => rmSync(clone, { recursive: true, force: true }));

function write(path: string, text: string): void {
  writeFileSync(join(clone, path), text);
}

/** What npm and the compiler were called for since the last time. */
function calls(): readonly string[] {
  const lines = readFileSync(join(clone, "log"), "utf8").trim().split("\n");
  write("log", "");
  return lines.filter((line) => line !== "").map((line) => line.split(" ").slice(0, 3).join(" "));
}

const { npm_execpath: _npm, SEALANE_SETUP_LOCKED: _locked, ...rest } = process.env;
const env = { ...rest, PATH: `bin:${process.env["PATH"] ?? ""}` };

function setUp(purpose: string): { readonly status: number | null; readonly stderr: string } {
  return spawnSync(process.execPath, ["scripts/setup.mjs", purpose], { cwd: clone, env, encoding: "utf8" });
}

describe("setup.mjs", () => {
  it("installs from the lockfile without scripts, builds, and then has nothing to do", () => {
    expect(setUp("check")).toMatchObject({ status: 0 });
    expect(calls()).toEqual(["npm ci --ignore-scripts", "compile"]);
    expect(setUp("check")).toMatchObject({ status: 0, stderr: "" });
    expect(calls()).toEqual([]);
  });

  it("installs and builds again when the lockfile changes", () => {
    setUp("check");
    calls();
    write("package-lock.json", "second");
    setUp("check");
    expect(calls()).toEqual(["npm ci --ignore-scripts", "compile"]);
  });

  it("builds again when a source changes, and not when a test does", () => {
    setUp("check");
    calls();
    appendFileSync(join(clone, "src/cli/main.test.ts"), "// more");
    setUp("check");
    expect(calls()).toEqual([]);
    appendFileSync(join(clone, "src/cli/main.ts"), "// more");
    setUp("check");
    expect(calls()).toEqual(["compile"]);
  });

  it("removes output that has no source any more", () => {
    setUp("check");
    expect(() => readFileSync(join(clone, "dist/old/gone.js"))).toThrow("ENOENT");
  });

  it("installs once when two start at once", async () => {
    write("slow", "");
    const start = () => promisify(execFile)(process.execPath, ["scripts/setup.mjs", "check"], { cwd: clone, env });
    await Promise.all([start(), start()]);
    expect(calls()).toEqual(["npm ci --ignore-scripts", "compile"]);
  });

  it("says what to do when npm fails, when sources do not compile, and when asked for something else", () => {
    expect(setUp("teh-demo")).toMatchObject({ status: 1, stderr: expect.stringContaining("demo, test, check") });
    const npm = readFileSync(join(clone, "bin/npm"), "utf8");
    write("bin/npm", "#!/bin/sh\nexit 7\n");
    expect(setUp("check")).toMatchObject({ status: 1, stderr: expect.stringContaining("npm ci failed") });
    write("compiler.js", "process.exit(2)");
    write("bin/npm", npm);
    expect(setUp("check")).toMatchObject({ status: 1, stderr: expect.stringContaining("do not compile") });
  });
});

describe("programs", () => {
  it("that a lab starts are all installed by set-up, from the same packages", () => {
    const rows = [...programsOfSetUp.matchAll(/\{ name: "([a-z]+)", for: "demo", apt: "([a-z0-9-]+)"/g)];
    const ofSetUp = Object.fromEntries(rows.map((row) => [row[1], row[2]]));
    expect(ofSetUp).toEqual(labPrograms);
  });
});
