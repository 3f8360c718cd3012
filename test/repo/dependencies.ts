import type { Tree } from "./tree.ts";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly hasInstallScript?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
}

/**
 * Packages with an install script that does nothing where a prebuilt binary exists: each brings its binaries as optional
 * packages, which `npm ci --ignore-scripts` installs. The value says how that package's name starts.
 */
const prebuilt: Readonly<Record<string, string>> = {
  koffi: "@koromix/koffi-",
  lmdb: "@lmdb/lmdb-",
  "msgpackr-extract": "@msgpackr-extract/msgpackr-extract-",
};

const platforms = ["linux-x64", "linux-arm64"];

/** Compares package.json, the lockfile and docs/dependencies.md. */
export function checkDependencies(tree: Tree): { readonly packages: number; readonly problems: readonly string[] } {
  const manifest = JSON.parse(tree.text("package.json")) as Manifest;
  const locked = (JSON.parse(tree.text("package-lock.json")) as { packages: Readonly<Record<string, LockedPackage>> })
    .packages;
  const direct = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const table = rowsIn(tree.text("docs/dependencies.md"));
  return {
    packages: direct.length,
    problems: [
      ...direct.flatMap(([name, version]) => directProblems(name, version, locked, table)),
      ...Object.keys(manifest.dependencies ?? {})
        .filter((name) => !isUsed(tree, name))
        .map((name) => `${name} is a dependency that nothing in src imports`),
      ...[...table.keys()]
        .filter((name) => !direct.some(([known]) => known === name))
        .map((name) => `docs/dependencies.md lists ${name}, which package.json does not have`),
      ...Object.entries(locked).flatMap(([path, entry]) => [
        ...scriptProblems(path, entry, locked),
        ...missingOptional(path, entry, locked),
      ]),
    ],
  };
}

function isUsed(tree: Tree, name: string): boolean {
  const sources = tree.paths.filter((path) => path.startsWith("src/") && /(?<!\.test)\.ts$/.test(path));
  return sources.some((path) => new RegExp(`["']${name}(/[^"']*)?["']`).test(tree.text(path)));
}

function directProblems(
  name: string,
  version: string,
  locked: Readonly<Record<string, LockedPackage>>,
  table: ReadonlyMap<string, string>,
): string[] {
  const problems: string[] = [];
  if (!/^[0-9]+\.[0-9]+\.[0-9]+$/.test(version)) problems.push(`${name} is not pinned to one version: ${version}`);
  const entry = locked[`node_modules/${name}`];
  if (entry?.version !== version)
    problems.push(`${name} is ${entry?.version ?? "missing"} in the lockfile, not ${version}`);
  const row = table.get(name);
  if (row === undefined) problems.push(`${name} is not in docs/dependencies.md`);
  else if (entry?.license !== undefined && !row.includes(entry.license)) {
    problems.push(`docs/dependencies.md does not give ${name}'s licence, ${entry.license}`);
  }
  return problems;
}

function scriptProblems(path: string, entry: LockedPackage, locked: Readonly<Record<string, LockedPackage>>): string[] {
  if (entry.hasInstallScript !== true) return [];
  if (entry.os !== undefined && !entry.os.includes("linux")) return [];
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  const prefix = prebuilt[name];
  if (prefix === undefined) return [`${name} has an install script: npm ci --ignore-scripts must give a working tree`];
  return platforms
    .filter((platform) => {
      const binary = `${prefix}${platform}`;
      return entry.optionalDependencies?.[binary] === undefined || locked[`node_modules/${binary}`] === undefined;
    })
    .map((platform) => `${name} has an install script and no prebuilt package for ${platform}`);
}

/** npm ci refuses a lockfile that leaves out the optional packages of other systems. */
function missingOptional(
  path: string,
  entry: LockedPackage,
  locked: Readonly<Record<string, LockedPackage>>,
): string[] {
  return Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => locked[`node_modules/${name}`] === undefined)
    .map((name) => `the lockfile has no entry for ${name}, which ${path} may use: npm ci would fail`);
}

/** The rows of the tables in docs/dependencies.md, by package name. */
function rowsIn(markdown: string): ReadonlyMap<string, string> {
  const rows = markdown.matchAll(/^\| `([^`]+)` \|(.*)$/gm);
  return new Map([...rows].map((row) => [row[1] ?? "", row[2] ?? ""]));
}
