import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findKubectls } from "../kubectls.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-kubectls-"));
  mkdirSync(join(folder, "sdk"));
  mkdirSync(join(folder, "bin"));
  for (const name of ["kubectl", "kubectl.1.31", "kubectl.1.33", "kubectl.md", "old"]) {
    writeFileSync(join(folder, "sdk", name), "");
    chmodSync(join(folder, "sdk", name), 0o755);
  }
  writeFileSync(join(folder, "sdk/kubectl.1.29"), "not a program");
  symlinkSync("../sdk/kubectl", join(folder, "bin/kubectl"));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("findKubectls()", () => {
  it("finds the one on PATH, versions beside its real file, and the old one from set-up", () => {
    const found = findKubectls({ PATH: `/nowhere:${folder}/bin`, SEALANE_KUBECTL_120: `${folder}/sdk/old` });
    expect(found.map(({ label, path }) => [label, path.slice(folder.length + 1)])).toEqual([
      ["1.20", "sdk/old"],
      ["1.31", "sdk/kubectl.1.31"],
      ["1.33", "sdk/kubectl.1.33"],
      ["current", "sdk/kubectl"],
    ]);
  });

  it("finds no other than set-up's where there is none on PATH", () => {
    const found = findKubectls({ PATH: "/nowhere", SEALANE_KUBECTL_120: `${folder}/gone` });
    expect(found.filter(({ label }) => label !== "1.20")).toEqual([]);
  });
});
