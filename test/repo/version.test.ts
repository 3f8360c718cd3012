import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { version } from "../../src/core/index.ts";

it("the program reports the version of its package", () => {
  const { version: expected } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    readonly version: string;
  };
  expect(version).toBe(expected);
});
