import { hasCode } from "../../core/index.ts";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "./parse-json.ts";

describe("parseJson()", () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['{"a":1,"b":{"a":1}}', []],
    ['{"a":1,"a":2}', ["a"]],
    ['{"spec":{"ports":[{"port":1},{"port":2,"port":3}]}}', ["spec.ports[1].port"]],
    ['{"spec":{"ports":[],"x":1,"ports":[{"a":1}]}}', ["spec.ports"]],
    ['{"a":{"b":[[{"c":1,"c":1}],[]]},"a":1,"a":2}', ["a.b[0][0].c", "a"]],
    ['{"metadata":{"labels":{"app":"x","app":"y"}}}', ["metadata.labels.app"]],
    ['{"a":"\\"a\\":1,{","b":"\\\\","a":2}', ["a"]],
    ['{"\\u0061":1,"a":2}', ["a"]],
    ['{"__proto__":1,"__proto__":2}', ["__proto__"]],
    ['[{"a":1},{"a":1}]', []],
    ["3", []],
    ['{ "a" : [ "a" , "a" ] , "b" : { } }', []],
  ];
  it.each(cases)("finds repeated fields in %s", (text, duplicates) =>
    expect(parseJson(text)).toEqual({ value: JSON.parse(text) as unknown, duplicates }),
  );

  it.each(["", "{", "{'a':1}", "nope", '{"a":1,}'])("throws InvalidJson for %j", (text) => {
    try {
      parseJson(text);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, "InvalidJson")).toBe(true);
    }
  });

  it("finds none in what JSON.stringify wrote", () => {
    fc.assert(
      fc.property(fc.json(), fc.integer({ min: 0, max: 2 }), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(parseJson(spaced).duplicates).toEqual([]);
      }),
    );
  });
});
