// `npm test`: set-up, then format, lint, types, unit and repo tests, and the tests that send packets.
// `npm run check` (--fast) leaves the last part out. Ends with one line: `N passed, N failed`.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fast = process.argv.includes("--fast");
const unknown = process.argv.slice(2).filter((argument) => argument !== "--fast");
if (unknown.length > 0) {
  process.stderr.write(
    `test: unknown argument ${unknown[0]}; for single tests run: npx vitest run --project unit PATH\n`,
  );
  process.exit(2);
}

const setup = spawnSync(process.execPath, ["scripts/setup.mjs", fast ? "check" : "test"], {
  cwd: root,
  stdio: "inherit",
});
if (setup.status !== 0) {
  print("0 passed, 1 failed");
  process.exit(1);
}

const { kubectl120 } = await import("./setup/kubectl-120.mjs");
const environment = {
  ...process.env,
  PATH: `${process.env.PATH ?? ""}:/usr/sbin:/sbin`,
  // Colours only where somebody looks.
  ...(process.stdout.isTTY ? {} : { NO_COLOR: "1" }),
  SEALANE_KUBECTL_120: process.env.SEALANE_KUBECTL_120 ?? kubectl120,
};
const reports = mkdtempSync(join(tmpdir(), "sealane-test-"));
const total = { passed: 0, failed: 0, skipped: 0 };
try {
  await Promise.all([
    check("format", ["oxfmt/bin/oxfmt", "--check"]),
    check("lint", ["oxlint/bin/oxlint", "--type-aware"]),
    check("types", ["typescript/bin/tsc", "-b"]),
  ]);
  await suite("unit", false);
  if (!fast) await suite("kernel", true);
} finally {
  rmSync(reports, { recursive: true, force: true });
}
const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`;
print(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

/** One static check: it passes or fails as a whole; what it wrote is shown when it fails. */
async function check(name, [script, ...args]) {
  const started = performance.now();
  const { code, output } = await run([join(root, "node_modules", script), ...args], false);
  const passed = code === 0;
  total[passed ? "passed" : "failed"] += 1;
  report(name, passed, started, passed ? "" : output);
}

/** One project of vitest. A file that does not load, or a run that breaks off, counts as a failed test. */
async function suite(name, live) {
  const started = performance.now();
  const file = join(reports, `${name}.json`);
  const args = ["run", "--project", name, "--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
  if (live) print(`running  ${name} tests`);
  const { code, output } = await run([join(root, "node_modules/vitest/vitest.mjs"), ...args], live);
  const counts = countTests(file);
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  if (counts.passed === 0 && counts.failed === 0) counts.failed = 1;
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  const passed = counts.failed === 0;
  report(`${name} tests`, passed, started, passed ? "" : output, `${counts.passed} passed, ${counts.failed} failed`);
}

function countTests(file) {
  let results;
  try {
    results = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const broken = results.testResults.filter(
    (result) => result.status === "failed" && !result.assertionResults.some((test) => test.status === "failed"),
  );
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + broken.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** Runs a script under this Node; `live` passes its output on as it comes. */
function run(command, live) {
  const child = spawn(process.execPath, command, {
    cwd: root,
    env: environment,
    stdio: live ? "inherit" : ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const collect = (chunk) => {
    output += chunk;
  };
  child.stdout?.setEncoding("utf8").on("data", collect);
  child.stderr?.setEncoding("utf8").on("data", collect);
  return new Promise((resolve) => {
    child.on("error", (error) => resolve({ code: 1, output: `${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

function report(name, passed, started, output, details = "") {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  if (output !== "") process.stdout.write(output.endsWith("\n") ? output : `${output}\n`);
  print(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(14)} ${seconds} s${details === "" ? "" : `  ${details}`}`);
}

function print(line) {
  process.stdout.write(`${line}\n`);
}
