import { describe, expect, it } from "vitest";
import { answerText, plainAddress, wantsJson } from "./answer.ts";
import { control, initialState } from "./control.ts";

describe("control()", () => {
  const table: readonly (readonly [string, object])[] = [
    ["unready", { ready: false }],
    ["slow?ms=250", { slowMs: 250 }],
    ["slow", { slowMs: 1000 }],
    ["dead", { dead: true }],
  ];
  it.each(table)("sets the state for %s, and reset takes it back", (action, change) => {
    const result = control(initialState, "POST", `/_sealane/${action}`);
    if (result.kind === "refused") throw new Error(result.message);
    expect(result.state).toEqual({ ...initialState, ...change });
    expect(control(result.state, "POST", "/_sealane/reset")).toEqual({ kind: "state", state: initialState });
  });

  it("only shows the state for GET", () =>
    expect(control(initialState, "GET", "/_sealane/dead")).toEqual({ kind: "state", state: initialState }));
  it("says when a dead stand-in shall live again", () =>
    expect(control(initialState, "POST", "/_sealane/dead?ms=300")).toMatchObject({ reviveAfterMs: 300 }));

  const refused: readonly (readonly [string, string, string])[] = [
    ["DELETE", "ready", "use POST, not DELETE"],
    ["POST", "explode", "there is no /_sealane/explode; there is ready"],
    ["POST", "slow?ms=x", "the query must be ms=0 to ms=3600000"],
    ["POST", "slow?ms=99999999", "the query must be ms=0 to ms=3600000"],
  ];
  it.each(refused)("refuses %s %s", (method, action, message) => {
    const result = control(initialState, method, `/_sealane/${action}`);
    expect(result.kind === "refused" ? result.message : "").toContain(message);
  });
});

describe("answerText()", () => {
  it("says who answers and what was seen", () =>
    expect(
      answerText(
        { pod: "web-0", namespace: "shop", node: "node-1", podIP: "10.244.1.2" },
        {
          protocol: "TCP",
          port: 80,
          container: "web",
          image: "nginx:1.27",
          clientAddress: "10.244.2.3",
          clientPort: 4711,
          time: "2026-01-01T00:00:00Z",
          method: "GET",
          path: "/x",
          headers: { host: "web", accept: ["a", "b"] },
        },
      ).split("\n"),
    ).toEqual([
      "pod: web-0",
      "namespace: shop",
      "node: node-1",
      "podIP: 10.244.1.2",
      "port: 80/TCP",
      "container: web (a stand-in for nginx:1.27)",
      "client: 10.244.2.3:4711",
      "request: GET /x",
      "header host: web",
      "header accept: a, b",
      "time: 2026-01-01T00:00:00Z",
      "",
    ]));
});

describe("wantsJson()", () => {
  it.each([
    ["/", "application/json", true],
    ["/?format=json", undefined, true],
    ["/?a=b&format=json&c", "*/*", true],
    ["/?format=jsonx", "*/*", false],
    ["/", "*/*", false],
  ])("%s with Accept %s: %s", (path, accept, expected) => expect(wantsJson(path, accept)).toBe(expected));
});

describe("plainAddress()", () => {
  it("shows IPv4 as IPv4", () => {
    expect(plainAddress("::ffff:10.0.0.1")).toBe("10.0.0.1");
    expect(plainAddress("fd00::ffff:1")).toBe("fd00::ffff:1");
    expect(plainAddress(undefined)).toBe("");
  });
});
