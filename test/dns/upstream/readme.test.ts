import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";

const folder = new URL("./", import.meta.url);
const read = (file: string) => readFileSync(new URL(file, folder), "utf8");

interface Row {
  readonly upstream: readonly string[];
  readonly replayedIn: readonly string[];
  readonly ownTests: readonly string[];
  readonly reason: string;
}

const inCode = (cell: string | undefined) => [...(cell ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? "");

/** The rows of the tables. Their files are no paths of this repository, so that they are not in code. */
function rowsOf(text: string): readonly Row[] {
  return text
    .split("\n")
    .filter((line) => /^\| \S+\.go\b/.test(line))
    .map((line) => {
      const [, upstream = "", replayedIn, ownTests, reason = ""] = line.split("|");
      return {
        upstream: upstream.trim().split(", "),
        replayedIn: inCode(replayedIn),
        ownTests: inCode(ownTests),
        reason: reason.trim(),
      };
    });
}

/** What the tables and the replays do not agree about. `replays` are the texts of the tests by their names. */
function disagreements(text: string, replays: ReadonlyMap<string, string>): readonly string[] {
  const rows = rowsOf(text);
  const lastPart = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  const known = rows.flatMap(({ upstream }) => upstream);
  return [
    ...known.filter((file, i) => known.indexOf(file) !== i).map((file) => `${file} has two rows`),
    ...rows.flatMap(({ upstream, replayedIn, ownTests, reason }) =>
      replayedIn.length + ownTests.length === 0 && reason === "" ? [`nothing is said of ${upstream.join(", ")}`] : [],
    ),
    ...rows.flatMap(({ upstream, replayedIn }) =>
      replayedIn.flatMap((test) =>
        upstream
          .filter((file) => replays.get(test)?.includes(lastPart(file)) !== true)
          .map((file) => `${test} does not replay ${file}`),
      ),
    ),
    ...[...replays.keys()]
      .filter((test) => rows.every(({ replayedIn }) => !replayedIn.includes(test)))
      .map((test) => `${test} is in no row`),
    ...[...replays].flatMap(([test, source]) =>
      [...new Set([...source.matchAll(/(?:coredns(?:\/ci)?|kubernetes): ([a-z0-9_/]+\.go)/g)].map(([, file]) => file))]
        .filter((file) =>
          rows.every(({ upstream, replayedIn }) => !upstream.includes(file ?? "") || !replayedIn.includes(test)),
        )
        .map((file) => `${test} replays ${file}, which no row says`),
    ),
  ];
}

const replays = new Map(
  readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts") && name !== "readme.test.ts")
    .map((name) => [name, read(name)]),
);

describe("the tables of upstream's tests", () => {
  it("name every replay, and every file that a replay says it has", () => {
    expect(replays.size).toBeGreaterThan(8);
    expect(rowsOf(read("README.md")).length).toBeGreaterThan(60);
    expect(disagreements(read("README.md"), replays)).toEqual([]);
  });

  it("are seen to differ", () => {
    const text = [
      "| plugin/a_test.go | `a.test.ts` | | |",
      "| plugin/b_test.go | `a.test.ts` | | |",
      "| plugin/c_test.go | | | |",
      "| plugin/d_test.go, plugin/a_test.go | | | refused |",
    ].join("\n");
    const tests = new Map([
      ["a.test.ts", 'describe("coredns: plugin/a_test.go")'],
      ["z.test.ts", 'describe("kubernetes: test/z.go, more")'],
    ]);
    expect(disagreements(text, tests)).toEqual([
      "plugin/a_test.go has two rows",
      "nothing is said of plugin/c_test.go",
      "a.test.ts does not replay plugin/b_test.go",
      "z.test.ts is in no row",
      "z.test.ts replays test/z.go, which no row says",
    ]);
  });
});
