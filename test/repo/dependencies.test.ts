import { describe, expect, it } from "vitest";
import { checkDependencies } from "./dependencies.ts";
import { repositoryTree, treeOf } from "./tree.ts";

interface Seed {
  readonly version?: string;
  readonly locked?: Readonly<Record<string, unknown>>;
  readonly row?: string;
  readonly source?: string;
}

function problemsOf({
  version = "1.2.3",
  locked = {},
  row = "| `yaml` | reads YAML | 1 MB | ISC |",
  source = 'import { parse } from "yaml";',
}: Seed): readonly string[] {
  const packages = { "node_modules/yaml": { version: "1.2.3", license: "ISC" }, ...locked };
  return checkDependencies(
    treeOf({
      "package.json": JSON.stringify({ dependencies: { yaml: version } }),
      "package-lock.json": JSON.stringify({ packages }),
      "docs/dependencies.md": row,
      "src/app/manifests.ts": source,
    }),
  ).problems;
}

describe("checkDependencies()", () => {
  it("finds nothing wrong with a pinned and described dependency", () => {
    expect(problemsOf({})).toEqual([]);
  });

  it("reports a range", () => {
    expect(problemsOf({ version: "^1.2.3" })).toContain("yaml is not pinned to one version: ^1.2.3");
  });

  it("reports a lockfile that says something else", () => {
    const locked = { "node_modules/yaml": { version: "1.2.4", license: "ISC" } };
    expect(problemsOf({ locked })).toContain("yaml is 1.2.4 in the lockfile, not 1.2.3");
  });

  it("reports what docs/dependencies.md leaves out, has wrong, or has too much", () => {
    expect(problemsOf({ row: "" })).toContain("yaml is not in docs/dependencies.md");
    expect(problemsOf({ row: "| `yaml` | reads YAML | 1 MB | MIT |" })).toContain(
      "docs/dependencies.md does not give yaml's licence, ISC",
    );
    expect(problemsOf({ row: "| `yaml` | ISC |\n| `left-pad` | MIT |" })).toContain(
      "docs/dependencies.md lists left-pad, which package.json does not have",
    );
  });

  it("reports what nothing imports", () => {
    expect(problemsOf({ source: "" })).toEqual(["yaml is a dependency that nothing in src imports"]);
  });

  it("reports an install script", () => {
    const locked = { "node_modules/a/node_modules/sqlite": { hasInstallScript: true } };
    expect(problemsOf({ locked }).join()).toContain("sqlite has an install script");
  });

  it("reports a prebuilt package that is gone", () => {
    const locked = {
      "node_modules/lmdb": { hasInstallScript: true, optionalDependencies: { "@lmdb/lmdb-linux-x64": "1.0.0" } },
      "node_modules/@lmdb/lmdb-linux-x64": {},
    };
    expect(problemsOf({ locked })).toEqual(["lmdb has an install script and no prebuilt package for linux-arm64"]);
  });

  it("reports a lockfile that npm ci refuses", () => {
    const locked = { "node_modules/linter": { optionalDependencies: { "@linter/darwin": "1.0.0" } } };
    expect(problemsOf({ locked }).join()).toContain("no entry for @linter/darwin");
  });

  it("does not mind an install script of another system", () => {
    expect(problemsOf({ locked: { "node_modules/fsevents": { hasInstallScript: true, os: ["darwin"] } } })).toEqual([]);
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkDependencies(repositoryTree());
    expect(report.packages).toBeGreaterThan(8);
    expect(report.problems).toEqual([]);
  });
});
