import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { findProgram, hasPackageLists, isRoot, updatePackageLists } from "./programs.mjs";
import { cacheDirectory, say } from "./root.mjs";

const folder = `${cacheDirectory}/kubectl-1.20`;

/** Where set-up for tests puts Debian's kubectl 1.20, the oldest one that must work. It may not be there. */
export const kubectl120 = `${folder}/usr/bin/kubectl`;

/** Unpacks Debian's kubectl 1.20 without installing it. Where that is not possible, says why and goes on without. */
export function fetchKubectl120() {
  if (existsSync(kubectl120)) return;
  const reason = tryFetch();
  if (reason !== undefined) say(`tests run without kubectl 1.20: ${reason}`);
}

/** The reason why it could not be fetched. */
function tryFetch() {
  if (findProgram("apt-get") === undefined || findProgram("dpkg") === undefined) {
    return "it comes from Debian's package kubernetes-client, and this system has no apt-get";
  }
  if (!hasPackageLists() && !(isRoot() && updatePackageLists()))
    return `there are no package lists: run "apt-get update"`;
  const version = candidate();
  if (version === undefined) return "this system's package lists have no kubernetes-client 1.20";
  const work = `${folder}.${process.pid}`;
  try {
    mkdirSync(`${work}/download`, { recursive: true });
    const fetched = run("apt-get", ["-qq", "download", `kubernetes-client=${version}`], `${work}/download`);
    const archive = readdirSync(`${work}/download`).find((name) => name.endsWith(".deb"));
    if (!fetched || archive === undefined) return "apt-get could not download kubernetes-client";
    if (!run("dpkg", ["-x", `download/${archive}`, "."], work)) return "dpkg could not unpack kubernetes-client";
    rmSync(`${work}/download`, { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** The version of kubernetes-client that apt offers, when it is a 1.20. */
function candidate() {
  const { stdout } = spawnSync("apt-cache", ["madison", "kubernetes-client"], { encoding: "utf8" });
  const versions = (stdout ?? "").split("\n").map((line) => line.split("|")[1]?.trim() ?? "");
  return versions.find((version) => /^(.*really)?1\.20\./.test(version));
}

function run(program, args, cwd) {
  return spawnSync(program, args, { cwd, stdio: ["ignore", "ignore", "ignore"], timeout: 120_000 }).status === 0;
}
