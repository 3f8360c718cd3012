import { describe, expect, it } from "vitest";
import { checkLayers, importsOf, layersIn } from "./layers.ts";
import { repositoryTree, treeOf, treeWith, treeWithout } from "./tree.ts";

const sound = treeOf({
  "ARCHITECTURE.md": [
    "# Architecture",
    "",
    "| layer | what lives there | may import | kind |",
    "|---|---|---|---|",
    "| `core` | values | nothing | pure |",
    "| `rules/nft` | rules | core | pure |",
    "| `net` | sockets | core | shell |",
    "| `app` | wiring | every layer above | shell |",
    "",
    "After the table.",
  ].join("\n"),
  "tsconfig.json": references("src/core", "src/rules/nft", "src/net", "src/app", "tsconfig.test.json"),
  "src/core/README.md": "# core\n\nMay import: nothing.",
  "src/core/index.ts": 'export { ip } from "./ip.ts";\n',
  "src/core/ip.ts": "export const ip = 1;\n",
  "src/core/tsconfig.json": references(),
  "src/rules/nft/README.md": "# rules/nft\n\n- **May import:** core.",
  "src/rules/nft/index.ts": 'import { ip } from "../../core/index.ts";\nexport const rule = ip;\n',
  "src/rules/nft/tsconfig.json": references("../../core"),
  "src/net/README.md": "# net\n\nMay import: `core`. Entry: `index.ts`.",
  "src/net/index.ts":
    'import net from "node:net";\nimport { ip } from "../core/index.ts";\nexport const a = [net, ip];\n',
  "src/net/tsconfig.json": references("../core", ["node"]),
  "src/app/README.md": "# app\n\nMay import: every layer above.",
  "src/app/index.ts": "export const app = 1;\n",
  "src/app/tsconfig.json": references("../core", "../rules/nft", "../net", ["node"]),
});

function references(...paths: readonly (string | readonly string[])[]): string {
  const types = paths.find((path) => typeof path !== "string") ?? [];
  const strings = paths.filter((path) => typeof path === "string");
  return JSON.stringify({ compilerOptions: { types }, references: strings.map((path) => ({ path })) });
}

describe("checkLayers()", () => {
  it("finds nothing wrong in a sound tree", () => {
    expect(checkLayers(sound)).toEqual({ layers: 4, files: 5, problems: [] });
  });

  const violations: readonly (readonly [string, Readonly<Record<string, string>>, string])[] = [
    [
      "an import that the table does not allow",
      { "src/net/door.ts": 'import { app } from "../app/index.ts";\nexport const b = app;\n' },
      "src/net/door.ts imports app, which the table does not allow",
    ],
    [
      "a layer entered through a window",
      { "src/net/window.ts": 'import type { Ip } from "../core/ip.ts";\nexport type A = Ip;\n' },
      "src/net/window.ts enters core by src/core/ip.ts: only index.ts is a door",
    ],
    [
      "a dynamic import through a window",
      { "src/app/lazy.ts": 'export const load = () => import("../net/socket.ts");\n' },
      "src/app/lazy.ts enters net by src/net/socket.ts: only index.ts is a door",
    ],
    [
      "a test that enters another layer through a window",
      { "src/net/window.test.ts": 'import { ip } from "../core/ip.ts";\nip;\n' },
      "src/net/window.test.ts enters core by src/core/ip.ts: only index.ts is a door",
    ],
    [
      "a package in a pure layer",
      { "src/core/yaml.ts": 'import { parse } from "yaml";\nexport const a = parse;\n' },
      "src/core/yaml.ts imports yaml: pure layers import no packages",
    ],
    [
      "a reference that the table does not have",
      { "src/rules/nft/tsconfig.json": references("../../core", "../../net") },
      "rules/nft's tsconfig.json refers to net, which the table does not allow",
    ],
    [
      "a row that the references do not follow",
      { "src/rules/nft/tsconfig.json": references() },
      "rules/nft may import core, but its tsconfig.json does not refer to it",
    ],
    [
      "a pure layer that sees Node",
      { "src/core/tsconfig.json": references(["node"]) },
      "core is pure in the table, its tsconfig.json says otherwise",
    ],
    ["a folder without a row", { "src/extra/tsconfig.json": references() }, "src/extra is no layer in ARCHITECTURE.md"],
    ["a file outside of every layer", { "src/stray.ts": "export const a = 1;\n" }, "src/stray.ts is in no layer"],
    [
      "a door that opens every room",
      { "src/core/index.ts": 'export * from "./ip.ts";\n' },
      "src/core/index.ts exports everything of a file: name what others may use",
    ],
    [
      "a layer that is not built",
      { "tsconfig.json": references("src/core", "src/rules/nft", "src/net") },
      "tsconfig.json does not refer to src/app",
    ],
    [
      "a README that is silent about imports",
      { "src/net/README.md": "# net\n" },
      "src/net/README.md does not say what the layer may import",
    ],
    [
      "a README that allows too much",
      { "src/net/README.md": "May import: `core`, `app`." },
      "src/net/README.md says that it may import `core`, `app`; the table says core",
    ],
    [
      "a README that allows too little",
      { "src/net/README.md": "May import: nothing." },
      "src/net/README.md says that it may import nothing; the table says core",
    ],
    [
      "a README that nobody will read",
      { "src/core/README.md": "line\n".repeat(41) },
      "src/core/README.md has 41 lines: a page of at most 40 is read",
    ],
  ];

  it.each(violations)("reports %s", (_, files, problem) => {
    expect(checkLayers(treeWith(sound, files)).problems).toContain(problem);
  });

  it.each(["README.md", "index.ts", "tsconfig.json"])("reports a layer without %s", (file) => {
    expect(checkLayers(treeWithout(sound, `src/net/${file}`)).problems).toContain(`src/net has no ${file}`);
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkLayers(repositoryTree());
    expect(report.layers).toBeGreaterThanOrEqual(15);
    expect(report.files).toBeGreaterThan(50);
    expect(report.problems).toEqual([]);
  });
});

describe("layersIn()", () => {
  it("fails when there is no table", () => {
    expect(() => layersIn("# Architecture\n")).toThrow("has no table of layers");
  });
});

describe("importsOf()", () => {
  it("sees every form of import and no comments", () => {
    const source = [
      'import { a,\n  b } from "./a.ts";',
      'import type { C } from "./c.ts";',
      'import "./effect.ts";',
      'export { d } from "./d.ts";',
      'const e = await import("./e.ts");',
      '// import { no } from "./comment.ts";',
      '/* export { no } from "./comment.ts"; */',
      'export const text = "from nowhere";',
    ].join("\n");
    expect(importsOf(source)).toEqual(["./a.ts", "./c.ts", "./effect.ts", "./d.ts", "./e.ts"]);
  });
});
