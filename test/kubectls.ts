import { accessSync, constants, readdirSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A kubectl on this machine. */
export interface Kubectl {
  /** The minor version as far as the file's name tells it (`1.20`), else `current`. */
  readonly label: string;
  readonly path: string;
}

/** Every kubectl found: the one on PATH, versions installed beside it (`kubectl.1.31`), and 1.20 from set-up's cache. */
export function findKubectls(environment: NodeJS.ProcessEnv = process.env): readonly Kubectl[] {
  const cached = fileURLToPath(new URL("../node_modules/.cache/sealane/kubectl-1.20/usr/bin/kubectl", import.meta.url));
  const found: Kubectl[] = [];
  for (const path of [environment["SEALANE_KUBECTL_120"], cached]) {
    if (path !== undefined && isProgram(path) && found.length === 0) found.push({ label: "1.20", path });
  }
  const current = (environment["PATH"] ?? "")
    .split(":")
    .map((folder) => join(folder, "kubectl"))
    .find(isProgram);
  if (current === undefined) return found;
  const real = realpathSync(current);
  for (const name of readdirSync(dirname(real)).toSorted()) {
    const version = /^kubectl\.(1\.[0-9]+)$/.exec(name)?.[1];
    const path = join(dirname(real), name);
    if (version !== undefined && isProgram(path)) found.push({ label: version, path });
  }
  return [...found, { label: "current", path: real }];
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
