import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { bundle } from "./bundle.mjs";
import { cacheDirectory, root, say } from "./root.mjs";

const stamp = `${root}/dist/.built`;

/** Whether dist was built from the sources as they are: compares names, sizes and times, which takes a few milliseconds. */
export function isBuilt() {
  try {
    return readFileSync(stamp, "utf8") === fingerprint();
  } catch {
    return false;
  }
}

/** Compiles every layer. What did not change is not compiled again. Throws when the sources do not compile. */
export async function build() {
  say("building");
  const before = fingerprint();
  const compiler = `${root}/node_modules/typescript/bin/tsc`;
  const compile = (output) =>
    spawnSync(process.execPath, [compiler, "-b", "src/cli", "bench"], { cwd: root, stdio: ["ignore", output, output] });
  // TypeScript 7.0.2 does not see in a project what the same run has just added to one that it stands on; a second run does.
  if (compile("ignore").status !== 0 && compile(2).status !== 0)
    throw new Error("the sources do not compile; the compiler's messages are above");
  removeOrphans(`${root}/dist`, `${root}/src`);
  await bundle();
  mkdirSync(`${root}/dist`, { recursive: true });
  writeFileSync(stamp, before);
}

/** Folders of dist that do not come from src. */
const otherOutput = ["run", "bench"];

function fingerprint() {
  const hash = createHash("sha256");
  hash.update(readFileSync(`${cacheDirectory}/packages`, "utf8"));
  addFile(hash, `${root}/tsconfig.base.json`);
  for (const folder of ["src", "bench", "scripts/setup"]) addFolder(hash, `${root}/${folder}`);
  return hash.digest("hex");
}

function addFolder(hash, folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) addFolder(hash, path);
    else if (isSource(entry.name)) addFile(hash, path);
  }
}

function isSource(name) {
  return name === "tsconfig.json" || name === "bundle.mjs" || (name.endsWith(".ts") && !name.endsWith(".test.ts"));
}

function addFile(hash, path) {
  const { size, mtimeMs } = statSync(path);
  hash.update(`${path} ${size} ${mtimeMs}\n`);
}

/** Removes output whose source was renamed or deleted: a stale file must not be imported or published. */
function removeOrphans(output, source) {
  for (const entry of readdirSync(output, { withFileTypes: true })) {
    const path = `${output}/${entry.name}`;
    if (output === `${root}/dist` && otherOutput.includes(entry.name)) continue;
    if (entry.isDirectory()) {
      if (existsSync(`${source}/${entry.name}`)) removeOrphans(path, `${source}/${entry.name}`);
      else rmSync(path, { recursive: true });
      continue;
    }
    const stem = /^(.+?)(?:\.d\.ts|\.js|\.js\.map)$/.exec(entry.name)?.[1];
    if (stem !== undefined && !existsSync(`${source}/${stem}.ts`)) rmSync(path);
  }
}
