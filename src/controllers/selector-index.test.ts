import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchesLabels } from "../objects/index.ts";
import { SelectorIndex } from "./selector-index.ts";

const labels = fc.dictionary(fc.constantFrom("app", "tier", "part-of"), fc.constantFrom("a", "b", "c"));

describe("SelectorIndex", () => {
  it("finds what a look at all selectors finds", () => {
    const change = fc.record({ key: fc.nat(8), namespace: fc.constantFrom("x", "y"), selector: fc.option(labels) });
    fc.assert(
      fc.property(fc.array(change), labels, (changes, pod) => {
        const index = new SelectorIndex();
        const all = new Map<string, { namespace: string; selector: Record<string, string> }>();
        for (const { key, namespace, selector } of changes) {
          index.set(String(key), namespace, selector ?? undefined);
          if (selector === null || Object.keys(selector).length === 0) all.delete(String(key));
          else all.set(String(key), { namespace, selector });
        }
        const expected = [...all].filter(([, one]) => one.namespace === "x" && matchesLabels(one.selector, pod));
        expect([...index.matching("x", pod)].sort()).toEqual(expected.map(([key]) => key).sort());
      }),
    );
  });
});
