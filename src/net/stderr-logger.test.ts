import { describe, expect, it } from "vitest";
import { stderrLogger } from "./stderr-logger.ts";
import type { StderrLoggerOptions } from "./stderr-logger.ts";

function lines(
  options: StderrLoggerOptions,
  log: (logger: ReturnType<typeof stderrLogger>) => void,
): readonly string[] {
  const written: string[] = [];
  log(stderrLogger({ ...options, write: (line) => void written.push(line) }));
  return written;
}

describe("stderrLogger()", () => {
  it("writes the message and its fields in one line", () => {
    const [line = ""] = lines({ fields: { node: "node-1" } }, (log) =>
      log.warn("rule refused", { error: new Error("no such table"), count: 3, name: "a b", size: 5n }),
    );
    expect(line.slice(13)).toBe('warn  rule refused node=node-1 error="no such table" count=3 name="a b" size=5\n');
  });

  it("leaves out what is below its level", () => {
    const said = lines({ level: "warn" }, (log) => {
      log.debug("a");
      log.info("b");
      log.warn("c");
      log.error("d");
    });
    expect(said.map((line) => line.trimEnd().at(-1))).toEqual(["c", "d"]);
  });

  it("writes JSON for machines", () => {
    const [line = ""] = lines({ format: "json" }, (log) => log.info("up", { port: 1n, error: new Error("x") }));
    expect(JSON.parse(line)).toMatchObject({ level: "info", message: "up", port: "1", error: "x" });
  });
});
