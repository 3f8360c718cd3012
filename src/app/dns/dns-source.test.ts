import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { importedFiles } from "./dns-files.ts";
import { readDnsSource } from "./dns-source.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-source-"));
  mkdirSync(join(folder, "custom"));
  for (const name of ["b.override", "a.override", ".hidden.override", "c.server"]) {
    writeFileSync(join(folder, "custom", name), "log\n");
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const environment = () => undefined;

describe("importedFiles()", () => {
  it("finds files by name and by pattern, in the order of their names", () => {
    const files = importedFiles(join(folder, "Corefile"));
    const names = (pattern: string) => files(pattern).map(({ path }) => path.slice(folder.length + 1));
    expect(names("custom/*.override")).toEqual(["custom/a.override", "custom/b.override"]);
    expect(names(join(folder, "custom/c.server"))).toEqual(["custom/c.server"]);
    expect(names("custom/.*")).toEqual(["custom/.hidden.override"]);
    expect(names("custom/none")).toEqual([]);
    expect(names("nowhere/*")).toEqual([]);
    // No other character of a pattern means something.
    expect(names("custom/[ab].override")).toEqual([]);
  });
});

describe("readDnsSource()", () => {
  it("has another fingerprint when any file that was read is another", () => {
    const path = join(folder, "Corefile");
    const files = new Map([["/resolv", "nameserver 10.0.0.1\n"]]);
    const read = () =>
      readDnsSource({ kind: "corefile", path }, { environment, readText: (name) => files.get(name) }).fingerprint;
    writeFileSync(path, ". {\n forward . /resolv\n import custom/*.override\n}\n");
    const first = read();
    expect(read()).toBe(first);
    files.set("/resolv", "nameserver 10.0.0.2\n");
    const second = read();
    expect(second).not.toBe(first);
    writeFileSync(join(folder, "custom", "d.override"), "log\n");
    expect(read()).not.toBe(second);
  });

  it("says what is wrong, with a fingerprint of the wrong text", () => {
    const path = join(folder, "Wrong");
    const read = () => readDnsSource({ kind: "corefile", path }, { environment });
    writeFileSync(path, ". {\n nonsense\n}\n");
    const first = read();
    expect(first).toMatchObject({ kind: "failed", error: { code: "InvalidCorefile" } });
    writeFileSync(path, ". {\n nonsense2\n}\n");
    expect(read().fingerprint).not.toBe(first.fingerprint);
    expect(readDnsSource({ kind: "corefile", path: join(folder, "none") }, { environment })).toMatchObject({
      kind: "failed",
      error: { message: `${join(folder, "none")} cannot be read: check the path and who may read it` },
    });
  });
});
