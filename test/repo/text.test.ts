import { describe, expect, it } from "vitest";
import { checkText } from "./text.ts";
import { repositoryTree, treeOf } from "./tree.ts";

describe("checkText()", () => {
  // Joined here, so that this file passes the check itself.
  const bad: readonly (readonly [string, readonly [string, string], string])[] = [
    ["src/a.ts", ["// TO", "DO: later\n"], "src/a.ts:1: "],
    ["docs/a.md", ["\nFIX", "ME\n"], "docs/a.md:2: "],
    ["src/a.ts", ['read("/wor', 'k/shared/x")'], "path of one machine"],
    ["README.md", ["cd /Us", "ers/me/project"], "path of one machine"],
    ["src/a.test.ts", ["it.on", 'ly("does", run)'], "leaves other tests out"],
  ];

  it.each(bad)("reports a line of %s: %j", (path, halves, problem) => {
    expect(checkText(treeOf({ [path]: halves.join("") })).problems.join("\n")).toContain(problem);
  });

  it("accepts words that only look alike", () => {
    expect(
      checkText(
        treeOf({
          "docs/a.md": "todo lists, network/main, hacking, /workers/a, a/work/b, <https://example.com/work/page>",
        }),
      ).problems,
    ).toEqual([]);
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkText(repositoryTree());
    expect(report.files).toBeGreaterThan(80);
    expect(report.problems).toEqual([]);
  });
});
