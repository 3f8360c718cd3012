import { describe, expect, it } from "vitest";
import { checkPurity } from "./purity.ts";
import { repositoryTree, treeOf } from "./tree.ts";

const architecture = [
  "| layer | what lives there | may import | kind |",
  "|---|---|---|---|",
  "| `core` | values | nothing | pure |",
  "| `net` | sockets | core | shell |",
].join("\n");

function problemsOf(files: Readonly<Record<string, string>>): string {
  return checkPurity(treeOf({ "ARCHITECTURE.md": architecture, ...files })).problems.join("\n");
}

describe("checkPurity()", () => {
  it.each(["Date.now()", "new Date()", "Math.random()", "globalThis.process", "String(Date())"])(
    "reports %s",
    (code) => {
      expect(problemsOf({ "src/core/a.ts": `export const a = ${code};` })).toContain("in a pure layer");
    },
  );

  it.each(["new Date(0).toISOString()", "clock.now()", "a; // Date.now() is not allowed here"])(
    "accepts %s",
    (code) => {
      expect(problemsOf({ "src/core/a.ts": `export const a = ${code};` })).toBe("");
    },
  );

  it("leaves shells and tests alone", () => {
    const code = "export const a = Date.now();";
    expect(problemsOf({ "src/net/a.ts": code, "src/core/a.test.ts": code })).toBe("");
  });

  it("holds for this repository, and looked at it", () => {
    const report = checkPurity(repositoryTree());
    expect(report.files).toBeGreaterThan(40);
    expect(report.problems).toEqual([]);
  });
});
