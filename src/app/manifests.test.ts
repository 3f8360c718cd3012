import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseManifest, readManifests } from "./manifests.ts";

describe("parseManifest()", () => {
  it("reads every document and says where it stood", () => {
    const text = "apiVersion: v1\nkind: A\n---\n# nothing\n---\napiVersion: v1\nkind: B\n";
    expect(parseManifest(text, "f.yaml").map(({ source, value }) => [source, value["kind"]])).toEqual([
      ["f.yaml document 1", "A"],
      ["f.yaml document 3", "B"],
    ]);
  });

  it("opens lists", () => {
    const text = JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ apiVersion: "v1", kind: "A" }] });
    expect(parseManifest(text, "f.json").map(({ source }) => source)).toEqual(["f.json item 1"]);
  });

  it.each([
    ["a: 1\na: 2", "f:2:1: Map keys must be unique"],
    ["a: [1", "f:1:"],
    ["just text", "f: expected an object with apiVersion and kind"],
    ["kind: A", "f: apiVersion and kind must both be set"],
  ])("refuses %j with its place", (text, message) => {
    expect(() => parseManifest(text, "f")).toThrow(message);
  });
});

describe("readManifests()", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sealane-manifests-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("reads a directory's manifests in order of their names", () => {
    writeFileSync(join(directory, "b.yml"), "apiVersion: v1\nkind: B");
    writeFileSync(join(directory, "a.yaml"), "apiVersion: v1\nkind: A");
    writeFileSync(join(directory, "notes.txt"), "not yaml: [");
    expect(readManifests(directory).map(({ value }) => value["kind"])).toEqual(["A", "B"]);
  });

  it("says when there is nothing to read", () => {
    expect(() => readManifests(directory)).toThrow("has no .yaml, .yml, .json file");
    expect(() => readManifests(join(directory, "absent.yaml"))).toThrow("There is no file or directory");
  });
});
