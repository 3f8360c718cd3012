import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WantedFields } from "../objects/index.ts";
import { wantedJson } from "./wanted-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (fields: WantedFields, text: string): unknown => wantedJson(fields)(bytes(text));

/** What the result must be, worked out from the whole value. */
function wantedOf(value: unknown, fields: WantedFields | true): unknown {
  if (fields === true || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => wantedOf(item, fields));
  const kept = Object.entries(value).flatMap(([name, inner]) => {
    const wanted = Object.hasOwn(fields, name) ? fields[name] : undefined;
    return wanted === undefined ? [] : [[name, wantedOf(inner, wanted)]];
  });
  return Object.fromEntries(kept) as unknown;
}

const name = fc.constantFrom(
  "a",
  "b",
  "name",
  "kubernetes.io/service-name",
  "",
  'quo"te',
  "b\\ack",
  "\n",
  "\u00e9",
  "{",
  "]",
);
const { value } = fc.letrec<{ value: unknown; list: unknown[]; object: object }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.string({ unit: "grapheme" }),
    name,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 4 }),
  object: fc.dictionary(name, tie("value"), { maxKeys: 5 }),
}));
const { fields } = fc.letrec<{ fields: WantedFields; field: true | WantedFields }>((tie) => ({
  fields: fc.dictionary(name, tie("field"), { maxKeys: 4 }) as fc.Arbitrary<WantedFields>,
  field: fc.oneof({ depthSize: "small" }, fc.constant(true as const), tie("fields")),
}));

describe("wantedJson()", () => {
  it("leaves out what is not wanted, at every depth and in each item of a list", () => {
    const text = `{"metadata":{"continue":"x"},"items":[{"a":1,"b":{"c":[true],"d":"}"}},{"b":{"d":[{"c":1}]}},7]}\n`;
    expect(read({ metadata: true, items: { b: { c: true } } }, text)).toEqual({
      metadata: { continue: "x" },
      items: [{ b: { c: [true] } }, { b: {} }, 7],
    });
  });

  it("gives what picking from the whole value gives, however it is written", () => {
    fc.assert(
      fc.property(value, fields, fc.constantFrom(undefined, 2, "\t\r"), (whole, wanted, space) => {
        const text = JSON.stringify(whole, undefined, space);
        const same: unknown = JSON.parse(text);
        expect(read(wanted, text)).toEqual(wantedOf(same, wanted));
      }),
    );
  });

  it("knows names that are written with escapes", () => {
    expect(read({ name: true }, `{"n\\u0061me":1,"n\\u0061m":2}`)).toEqual({ name: 1 });
  });

  it.each([
    "",
    " ",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,}',
    '{"b":"',
    '{"b":[',
    '{"b":{"c":"\\"}',
    "{a:1}",
    "[1",
    "[1}",
    "{}x",
  ])("refuses %j", (text) => {
    expect(() => read({ a: true }, text)).toThrow(SyntaxError);
  });
});
