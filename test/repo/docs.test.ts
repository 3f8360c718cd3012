import { describe, expect, it } from "vitest";
import { checkDocs, commandsIn } from "./docs.ts";
import { repositoryTree, treeOf } from "./tree.ts";

function problemsOf(readme: string): readonly string[] {
  return checkDocs(
    treeOf({
      "README.md": readme,
      "docs/guide.md": "# The guide: part 1\n",
      "src/core/ip.ts": "",
      "src/cli/main.ts": 'const commands = {\n  up: { summary: "start" },\n};\n',
      "package.json": JSON.stringify({ scripts: { demo: "", test: "" } }),
    }),
  ).problems;
}

describe("checkDocs()", () => {
  const bad: readonly (readonly [string, string])[] = [
    ["[gone](docs/gone.md)", "README.md links to docs/gone.md, which does not exist"],
    ["[part](docs/guide.md#part-2)", "README.md links to docs/guide.md#part-2: no such heading"],
    ["see `src/core/cidr.ts`", "README.md names src/core/cidr.ts, which does not exist"],
    ["`npm run dmeo`", "README.md says npm run dmeo: no such script"],
    ["`sealane launch`", "README.md says sealane launch: no such command"],
    ["```sh\nnpx sealane launch -d\n```", "README.md says sealane launch: no such command"],
    ["```sh\nexport KUBECONFIG=$(npx sealane conf)\n```", "README.md says sealane conf: no such command"],
  ];

  it.each(bad)("reports %j", (readme, problem) => {
    expect(problemsOf(readme)).toEqual([problem]);
  });

  it("accepts what exists, patterns, and other people's addresses", () => {
    const readme = [
      "[guide](docs/guide.md#the-guide-part-1) [web](https://example.com) `src/core/` `src/core/ip.ts` `src/*/README.md`",
      "`npm test`, `npm run demo`, `sealane up -f FILE`. Sealane is a program; sealane labs are fast.",
      "```sh",
      "npx sealane up",
      "```",
    ].join("\n");
    expect(problemsOf(readme)).toEqual([]);
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkDocs(repositoryTree());
    expect(report.files).toBeGreaterThan(5);
    expect(report.references).toBeGreaterThan(20);
    expect(report.problems).toEqual([]);
  });
});

describe("commandsIn()", () => {
  it("fails when it finds no table", () => {
    expect(() => commandsIn("export const a = 1;\n")).toThrow("no table of commands");
  });
});
