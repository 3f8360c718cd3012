import { describe, expect, it } from "vitest";
import { parseRule, parseTable } from "./parse-table.ts";

describe("parseTable()", () => {
  const table = (body: string) => `table ip sealane-userspace {\n${body}}\n`;

  it.each([
    ["", "there is no table sealane-userspace in the text"],
    ["table ip other {\n}\n", "there is no table sealane-userspace in the text"],
    [table("\tchain mine {\n\t}\n"), "there is no chain of this name: mine"],
    [
      table("\tchain relay {\n\t\tcounter packets 0 bytes 0 accept\n\t}\n"),
      "no rule of this engine: counter packets 0 bytes 0 accept",
    ],
    [table("\tset mine {\n\t\ttype ipv4_addr\n\t}\n"), "there is no set of this name: mine"],
    [
      table("\tchain check {\n\t\ttype filter hook ingress priority 0; policy accept;\n\t}\n"),
      "no hook of this engine: type filter hook ingress priority 0; policy accept;",
    ],
  ])("says what it cannot read: %j", (text, reason) => {
    expect(parseTable(text)).toEqual({ kind: "failed", reason });
  });

  it("reads elements with and without comments and values", () => {
    const text = table(
      [
        "\tmap services {",
        "\t\ttypeof ip daddr . meta l4proto . th dport : verdict",
        '\t\telements = { 10.96.0.20 . 6 . 80 comment "tour/a, b : c" : goto relay,',
        "\t\t\t     0.0.0.0 . tcp . 30080 : goto own-only }",
        "\t}",
        "\tset source-ranges {",
        "\t\tflags interval",
        "\t\telements = { 10.0.0.1 . 10.0.0.2 . udp . 53 }",
        "\t}",
        "\tchain own-only {",
        "\t}",
        "",
      ].join("\n"),
    );
    expect(parseTable(text)).toEqual({
      kind: "parsed",
      family: "IPv4",
      state: {
        chains: [{ name: "own-only", rules: [] }],
        elements: [
          { set: "services", key: "10.96.0.20 . tcp . 80", comment: "tour/a, b : c", value: "goto relay" },
          { set: "services", key: "0.0.0.0 . tcp . 30080", comment: undefined, value: "goto own-only" },
          { set: "source-ranges", key: "10.0.0.1 . 10.0.0.2/32 . udp . 53", comment: undefined, value: undefined },
        ],
      },
    });
  });
});

describe("parseRule()", () => {
  it.each([
    "goto elsewhere",
    "dnat to 10.0.0.1",
    "ip saddr { 10.0.0.0/8 goto relay",
    "ip daddr 10.0.0.300 drop",
    "vmap @services",
  ])("takes nothing else: %s", (line) => expect(() => parseRule(line)).toThrow(SyntaxError));
});
