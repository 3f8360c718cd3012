import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fileToken, fixedToken } from "./bearer-token.ts";

let folder = "";
let now = 0;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "token-"));
  now = 1000;
});
afterEach(() => rmSync(folder, { recursive: true }));

describe("fileToken()", () => {
  it("reads the file again after a minute, and at once when the token was refused", () => {
    const file = join(folder, "token");
    const token = fileToken(file, "first\n", () => now);
    writeFileSync(file, "second\n");
    now += 59_999;
    expect(token.read()).toBe("first");
    now++;
    expect(token.read()).toBe("second");
    writeFileSync(file, "third\n");
    expect(token.read()).toBe("second");
    token.refused();
    expect(token.read()).toBe("third");
    expect(token.read()).toBe("third");
  });

  it("keeps the last token while the file is missing or empty", () => {
    const file = join(folder, "token");
    const token = fileToken(file, "first", () => now);
    token.refused();
    expect(token.read()).toBe("first");
    writeFileSync(file, "\n");
    token.refused();
    expect(token.read()).toBe("first");
  });
});

describe("fixedToken()", () => {
  it("never changes", () => {
    const token = fixedToken("one");
    token.refused();
    expect(token.read()).toBe("one");
  });
});
