import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasCode } from "../core/index.ts";
import {
  formatLabelSelector,
  matchesFieldRequirements,
  matchesLabelRequirements,
  parseFieldSelector,
  parseLabelSelector,
} from "./selector-text.ts";
import type { FieldRequirement, LabelRequirement } from "./selector-text.ts";
import type { LabelSelector } from "./selector.ts";
import { matchesSelector } from "./selector.ts";

describe("parseLabelSelector()", () => {
  const cases: readonly (readonly [string, readonly LabelRequirement[]])[] = [
    ["", []],
    ["  ", []],
    ["a=b", [{ key: "a", operator: "In", values: ["b"] }]],
    ["a==b", [{ key: "a", operator: "In", values: ["b"] }]],
    [
      "a = b , c != d",
      [
        { key: "a", operator: "In", values: ["b"] },
        { key: "c", operator: "NotIn", values: ["d"] },
      ],
    ],
    ["a=", [{ key: "a", operator: "In", values: [""] }]],
    [
      "a=,b",
      [
        { key: "a", operator: "In", values: [""] },
        { key: "b", operator: "Exists", values: [] },
      ],
    ],
    ["!a", [{ key: "a", operator: "DoesNotExist", values: [] }]],
    ["app.kubernetes.io/name in (x, y,x)", [{ key: "app.kubernetes.io/name", operator: "In", values: ["x", "y"] }]],
    ["a notin (x,)", [{ key: "a", operator: "NotIn", values: ["x", ""] }]],
    ["a in ()", [{ key: "a", operator: "In", values: [""] }]],
    ["in in (notin)", [{ key: "in", operator: "In", values: ["notin"] }]],
  ];
  it.each(cases)("reads %j", (text, expected) => expect(parseLabelSelector(text)).toEqual(expected));

  it("reads numbers", () =>
    expect(parseLabelSelector("n>5,m<10")).toEqual([
      { key: "n", operator: "Gt", values: ["5"] },
      { key: "m", operator: "Lt", values: ["10"] },
    ]));

  it.each([
    "=b",
    "a=b,",
    ",",
    "a b",
    "a in x",
    "a in (x",
    "a in (x y)",
    "!",
    "!a=b",
    "a>x",
    "a=b=c",
    "a=-b",
    "a/b/c",
    "a=b!",
    "a ~ b",
  ])("refuses %j", (text) => {
    try {
      parseLabelSelector(text);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, "InvalidSelector")).toBe(true);
    }
  });

  it("never fails otherwise than by InvalidSelector", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from("ab=!,()<> in/.-\t")) }), (text) => {
        try {
          parseLabelSelector(text);
        } catch (error) {
          expect(hasCode(error, "InvalidSelector")).toBe(true);
        }
      }),
    );
  });
});

describe("matchesLabelRequirements()", () => {
  const labels = { app: "web", tier: "front", n: "7" };
  it.each([
    ["", true],
    ["app=web", true],
    ["app=db", false],
    ["app!=db,tier", true],
    ["missing!=x", true],
    ["missing=", false],
    ["!missing", true],
    ["!app", false],
    ["app in (db,web),tier notin (back)", true],
    ["n>6,n<8", true],
    ["n>7", false],
    ["app>1", false],
    ["constructor", false],
  ] as const)("%j: %s", (text, expected) =>
    expect(matchesLabelRequirements(parseLabelSelector(text), labels)).toBe(expected),
  );
});

describe("formatLabelSelector()", () => {
  it("writes what parseLabelSelector() reads with the same meaning", () => {
    const key = fc.constantFrom("a", "b", "x.io/c");
    const value = fc.constantFrom("1", "2", "z");
    const expression = fc.oneof(
      fc.record({
        key,
        operator: fc.constantFrom("In" as const, "NotIn" as const),
        values: fc.array(value, { minLength: 1 }),
      }),
      fc.record({ key, operator: fc.constantFrom("Exists" as const, "DoesNotExist" as const) }),
    );
    const selector = fc.record({
      matchLabels: fc.dictionary(key, value),
      matchExpressions: fc.array(expression, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(selector, fc.dictionary(key, value), (selector: LabelSelector, labels) => {
        const requirements = parseLabelSelector(formatLabelSelector(selector));
        expect(matchesLabelRequirements(requirements, labels)).toBe(matchesSelector(selector, labels));
      }),
    );
  });

  it("orders by key", () => expect(formatLabelSelector({ matchLabels: { b: "2", a: "1" } })).toBe("a=1,b=2"));
  it("is empty without a selector", () => expect(formatLabelSelector(undefined)).toBe(""));
});

describe("parseFieldSelector()", () => {
  const cases: readonly (readonly [string, readonly FieldRequirement[]])[] = [
    ["", []],
    ["metadata.name=a", [{ field: "metadata.name", operator: "=", value: "a" }]],
    [
      "a==b,c!=d",
      [
        { field: "a", operator: "=", value: "b" },
        { field: "c", operator: "!=", value: "d" },
      ],
    ],
    ["spec.nodeName=", [{ field: "spec.nodeName", operator: "=", value: "" }]],
    ["a=b\\,c\\=d\\\\", [{ field: "a", operator: "=", value: "b,c=d\\" }]],
  ];
  it.each(cases)("reads %j", (text, expected) => expect(parseFieldSelector(text)).toEqual(expected));

  it.each(["a", "=b", "a=b=c", "a=\\x", "a=b\\"])("refuses %j", (text) => {
    try {
      parseFieldSelector(text);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, "InvalidSelector")).toBe(true);
    }
  });

  it("selects by fields, absent ones being empty", () => {
    const fields = { "status.phase": "Running" };
    const matches = (text: string) => matchesFieldRequirements(parseFieldSelector(text), fields);
    expect(matches("status.phase=Running")).toBe(true);
    expect(matches("status.phase!=Running")).toBe(false);
    expect(matches("spec.nodeName=")).toBe(true);
    expect(matches("status.phase=Running,spec.nodeName!=")).toBe(false);
  });
});
