import { describe, expect, it } from "vitest";
import type { Tree } from "./tree.ts";
import { repositoryTree, treeWith } from "./tree.ts";

/** The tests for a user-mode kernel, and those of them that no other test names to `inUml()`, so that nobody runs them. */
function umlTests(tree: Tree): { readonly all: readonly string[]; readonly orphans: readonly string[] } {
  const all = tree.paths.filter((path) => path.endsWith(".uml.test.ts"));
  const starters = tree.paths
    .filter((path) => path.endsWith(".test.ts") && !all.includes(path))
    .map((path) => tree.text(path))
    .filter((text) => text.includes("await inUml("));
  return { all, orphans: all.filter((path) => !starters.some((text) => text.includes(`"${path}"`))) };
}

describe("tests for a user-mode kernel", () => {
  it("are each named to inUml() by a test that boots one", () => {
    const { all, orphans } = umlTests(repositoryTree());
    expect(all.length).toBeGreaterThan(0);
    expect(orphans).toEqual([]);
  });

  it("are found when nobody runs them", () => {
    // Not as one text, or this file would name it.
    const lonely = ["src/kernel/lonely", "uml.test.ts"].join(".");
    expect(umlTests(treeWith(repositoryTree(), { [lonely]: "" })).orphans).toEqual([lonely]);
  });
});
