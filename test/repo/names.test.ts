import { describe, expect, it } from "vitest";
import { checkNames } from "./names.ts";
import { repositoryTree, treeOf } from "./tree.ts";

describe("checkNames()", () => {
  const long = "const a = 1;\n".repeat(401);
  const problems: readonly (readonly [string, string, string | undefined])[] = [
    ["src/core/ip.ts", "", undefined],
    ["src/core/ip-range.kernel.test.ts", "", undefined],
    ["src/kinds/builtin.generated.ts", long, undefined],
    ["src/core/ip.test.ts", long, undefined],
    ["src/core/full-of-words.ts", `${"// why\n\n".repeat(900)}const a = 1;\n`, undefined],
    ["src/core/utils.ts", "", "says nothing"],
    ["src/proxy/types.ts", "", "says nothing"],
    ["test/helpers.test.ts", "", "says nothing"],
    ["src/lab/pod-manager.ts", "", "without its last word"],
    ["src/core/ipRange.ts", "", "kebab-case"],
    ["scripts/Setup.mjs", "", "kebab-case"],
    ["src/core/long.ts", long, "401 lines of code"],
    ["test/lab/long.test.ts", long.repeat(2), "802 lines of code"],
  ];

  it.each(problems)("judges %s", (path, text, problem) => {
    const found = checkNames(treeOf({ [path]: text })).problems;
    if (problem === undefined) expect(found).toEqual([]);
    else expect(found.join("\n")).toContain(problem);
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkNames(repositoryTree());
    expect(report.files).toBeGreaterThan(60);
    expect(report.problems).toEqual([]);
  });
});
