import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hasCode } from "../../core/index.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";

describe("applyJsonPatch()", () => {
  // The cases of RFC 6902, appendix A, and those that are easy to get wrong.
  const cases: readonly (readonly [string, unknown, readonly unknown[], unknown])[] = [
    ["adds a member", { foo: "bar" }, [{ op: "add", path: "/baz", value: "qux" }], { foo: "bar", baz: "qux" }],
    ["adds an element", { foo: ["a", "b"] }, [{ op: "add", path: "/foo/1", value: "x" }], { foo: ["a", "x", "b"] }],
    ["appends", { foo: ["a"] }, [{ op: "add", path: "/foo/-", value: ["b"] }], { foo: ["a", ["b"]] }],
    ["adds null", {}, [{ op: "add", path: "/a", value: null }], { a: null }],
    ["removes a member", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
    ["removes an element", { a: [1, 2, 3] }, [{ op: "remove", path: "/a/1" }], { a: [1, 3] }],
    ["replaces", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: [2] }], { a: { b: [2] } }],
    ["replaces the document", { a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
    [
      "moves",
      { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
      [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
      { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
    ],
    ["moves an element", { a: [1, 2, 3] }, [{ op: "move", from: "/a/0", path: "/a/2" }], { a: [2, 3, 1] }],
    ["copies", { a: [1] }, [{ op: "copy", from: "/a", path: "/b" }], { a: [1], b: [1] }],
    [
      "tests whatever the order",
      { a: { x: 1, y: [2] } },
      [{ op: "test", path: "/a", value: { y: [2], x: 1 } }],
      { a: { x: 1, y: [2] } },
    ],
    [
      "unescapes",
      { "a/b": 1, "m~n": 2 },
      [
        { op: "remove", path: "/a~1b" },
        { op: "remove", path: "/m~0n" },
      ],
      {},
    ],
    ["ignores other members", {}, [{ op: "add", path: "/a", value: 1, xyz: 1 }], { a: 1 }],
    ["adds __proto__ as a member", {}, [{ op: "add", path: "/x", value: 1 }], { x: 1 }],
  ];
  it.each(cases)("%s", (_name, document, patch, expected) => {
    const before = JSON.stringify(document);
    expect(applyJsonPatch(document, patch)).toEqual(expected);
    expect(JSON.stringify(document)).toBe(before);
  });

  const failures: readonly (readonly [string, unknown, unknown, "BadRequest" | "Invalid"])[] = [
    ["no array", {}, {}, "BadRequest"],
    ["no object", {}, [1], "BadRequest"],
    ["unknown operation", {}, [{ op: "spam", path: "/a" }], "BadRequest"],
    ["no path", {}, [{ op: "add", value: 1 }], "BadRequest"],
    ["no pointer", {}, [{ op: "add", path: "a", value: 1 }], "BadRequest"],
    ["no value", {}, [{ op: "add", path: "/a" }], "BadRequest"],
    ["missing parent", {}, [{ op: "add", path: "/a/b", value: 1 }], "Invalid"],
    ["missing member to remove", {}, [{ op: "remove", path: "/a" }], "Invalid"],
    ["missing member to replace", {}, [{ op: "replace", path: "/a", value: 1 }], "Invalid"],
    ["inherited member", {}, [{ op: "remove", path: "/constructor" }], "Invalid"],
    ["index past the end", { a: [1] }, [{ op: "add", path: "/a/2", value: 1 }], "Invalid"],
    ["element past the end", { a: [1] }, [{ op: "remove", path: "/a/1" }], "Invalid"],
    ["index with a leading zero", { a: [1, 2] }, [{ op: "remove", path: "/a/01" }], "Invalid"],
    ["index that is no number", { a: [1] }, [{ op: "replace", path: "/a/x", value: 1 }], "Invalid"],
    ["test that fails", { a: 1 }, [{ op: "test", path: "/a", value: "1" }], "Invalid"],
    ["move into itself", { a: { b: 1 } }, [{ op: "move", from: "/a", path: "/a/b" }], "Invalid"],
    ["document removed", { a: 1 }, [{ op: "remove", path: "" }], "Invalid"],
  ];
  it.each(failures)("refuses: %s", (_name, document, patch, code) => {
    try {
      applyJsonPatch(document, patch);
      expect.unreachable();
    } catch (error) {
      expect(hasCode(error, code)).toBe(true);
    }
  });
});

describe("applyMergePatch()", () => {
  // RFC 7386, appendix A.
  const cases: readonly (readonly [unknown, unknown, unknown])[] = [
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [
      ["a", "b"],
      ["c", "d"],
      ["c", "d"],
    ],
    [{ a: "b" }, ["c"], ["c"]],
    [{ a: "foo" }, null, null],
    [{ a: "foo" }, "bar", "bar"],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: "b", c: null }, { a: "b" }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ];
  it.each(cases)("%j and %j make %j", (target, patch, expected) =>
    expect(applyMergePatch(target, patch)).toEqual(expected),
  );

  it("turns one object into another by their difference", () => {
    const object = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(fc.integer(), fc.array(fc.integer())));
    const nested = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(object, fc.boolean()));
    fc.assert(
      fc.property(nested, nested, (before, after) => {
        expect(applyMergePatch(before, difference(before, after))).toEqual(after);
      }),
    );
  });
});

type Json = Readonly<Record<string, unknown>>;

function difference(before: Json, after: Json): Json {
  const removed = Object.keys(before).filter((name) => !Object.hasOwn(after, name));
  const changes = Object.entries(after).map(([name, value]): [string, unknown] => {
    const old = Object.hasOwn(before, name) ? before[name] : undefined;
    return [name, isJson(old) && isJson(value) ? difference(old, value) : value];
  });
  return Object.fromEntries([...removed.map((name): [string, unknown] => [name, null]), ...changes]);
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
