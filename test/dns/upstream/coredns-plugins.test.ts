import { describe, expect, it } from "vitest";
import { recordTypes } from "../../../src/codec/index.ts";
import type { Message } from "../../../src/codec/index.ts";
import type { Ask } from "../cluster.ts";
import { corefileWorld, expectDeviation, said } from "./corefile-world.ts";
import { record, recordsOf } from "./zone-text.ts";

const client = (address: string): Ask => ({ client: { address, port: 40_000 } });

describe("coredns: plugin/acl/acl_test.go", () => {
  const block = "acl example.org {\n block type A net 192.168.0.0/16\n }";
  const one = "acl example.org {\n block type A net 192.168.1.2\n }";
  const typeA = "acl example.org {\n block type A\n }";
  const two =
    "acl a.example.org {\n block net 192.168.1.0/24\n }\n acl b.example.org {\n block type * net 192.168.2.0/24\n }";
  const cases: readonly (readonly [
    acl: string,
    zone: string,
    name: string,
    ip: string,
    type: "A" | "AAAA",
    rcode: 0 | 5,
  ])[] = [
    [block, ".", "www.example.org", "192.168.0.2", "A", 5],
    [block, ".", "www.example.org", "192.167.0.2", "A", 0],
    ["acl example.org {\n block type * net 192.168.0.0/16\n }", ".", "www.example.org", "192.168.0.2", "AAAA", 5],
    [typeA, ".", "www.example.org", "10.1.0.2", "A", 5],
    [typeA, ".", "www.example.org", "10.1.0.2", "AAAA", 0],
    [one, ".", "www.example.org", "192.168.1.2", "A", 5],
    [one, ".", "www.example.org", "192.168.1.3", "A", 0],
    ["acl example.org {\n allow net 192.168.0.0/16\n block\n }", ".", "www.example.org", "192.168.0.2", "A", 0],
    ["acl example.org {\n allow type * net 192.168.0.0/16\n block\n }", ".", "www.example.org", "10.1.0.2", "A", 5],
    [
      "acl a.example.org {\n block type * net 192.168.1.0/24\n }",
      "example.org",
      "a.example.org",
      "192.168.1.2",
      "A",
      5,
    ],
    ["acl a.example.org {\n block net 192.168.1.0/24\n }", "example.org", "www.example.org", "192.168.1.2", "A", 0],
    ["acl {\n block net 192.168.1.0/24\n }", "example.org", "a.example.org", "192.168.1.2", "A", 5],
    ["acl {\n block net 192.168.1.0/24\n }", "example.org", "a.example.com", "192.168.1.2", "A", 0],
    [two, "example.org", "b.example.org", "192.168.2.2", "A", 5],
    [two, "example.org", "b.example.org", "192.168.1.2", "A", 0],
  ];
  it.each(cases)("%j at %s: %s from %s, %s", async (acl, zone, name, ip, type, rcode) => {
    const others = zone === "." ? "" : "\n. {\n forward . 192.0.2.1\n }";
    const { ask } = corefileWorld(`${zone} {\n ${acl}\n forward . 192.0.2.1\n }${others}`, { outside: () => ({}) });
    expect((await ask(name, type, client(ip))).rcode).toBe(rcode);
  });

  it("refuses lists in files, the two cases with acl-test-1.txt", () => {
    expect(() => corefileWorld(". {\n acl example.com {\n block file acl-test-1.txt\n }\n }")).toThrow(
      /^Corefile:3: acl/,
    );
    expectDeviation("Plugins");
  });
});

describe("coredns: plugin/dns64/dns64_test.go", () => {
  const six = client("::1");
  const [v42, v43] = ["example.com 60 A 192.0.2.42", "example.com 5000 A 192.0.2.43"];
  const short = "example.com 70 SOA foo bar 1 1 1 1 1";
  const long = "example.com 3600 SOA foo bar 1 7200 900 1209600 86400";
  const denied = `ns: ${long.replace("example.com 3600", "example.com. 3600 IN").replace("foo bar", "foo. bar.")}`;
  const mapped = (ttl: number, last: number) => `example.com. ${ttl} IN AAAA 64:ff9b::c000:2${last.toString(16)}`;
  const cases: readonly (readonly [
    what: string,
    aaaa: Partial<Message>,
    a: Partial<Message> | undefined,
    expected: readonly string[],
  ])[] = [
    [
      "no AAAA record, but A records",
      { authorities: recordsOf(short) },
      { answers: recordsOf(v42, v43) },
      ["NOERROR", mapped(60, 42), mapped(70, 43)],
    ],
    ["neither", { authorities: recordsOf(long) }, { authorities: recordsOf(long) }, ["NOERROR", denied]],
    [
      "another failure than NXDOMAIN",
      { rcode: 5 },
      { answers: recordsOf(v42, v43) },
      ["NOERROR", mapped(60, 42), mapped(600, 43)],
    ],
    ["NXDOMAIN", { rcode: 3, authorities: recordsOf(long) }, undefined, ["NXDOMAIN", denied]],
    [
      "AAAA records",
      { answers: recordsOf("example.com 60 AAAA ::1", "example.com 5000 AAAA ::2") },
      undefined,
      ["NOERROR", "example.com. 60 IN AAAA ::1", "example.com. 5000 IN AAAA ::2"],
    ],
    [
      "A records that were cut",
      { authorities: recordsOf(short) },
      { truncated: true, answers: recordsOf(v42, v43) },
      ["NOERROR", mapped(60, 42), mapped(70, 43)],
    ],
  ];
  it.each(cases)("TestDNS64: %s", async (_, aaaa, a, expected) => {
    const { ask } = corefileWorld(". {\n dns64 64:ff9b::/96\n forward . 192.0.2.1\n }", {
      outside: ({ questions: [question] }) => {
        if (question?.type === recordTypes.AAAA) return aaaa;
        if (a === undefined) throw new Error("A was asked for");
        return a;
      },
    });
    const message = await ask("example.com", "AAAA", six);
    expect(said(message)).toEqual(expected);
    expect(message.truncated).toBe(a?.truncated ?? false);
  });

  it.each([
    ["allow_ipv4", "::1", "AAAA", true],
    ["allow_ipv4", "127.0.0.1", "AAAA", true],
    ["", "127.0.0.1", "AAAA", false],
    ["", "::1", "A", false],
  ] as const)("TestRequestShouldIntercept: %j for %s, %s", async (property, ip, type, translated) => {
    const { ask } = corefileWorld(`. {\n dns64 {\n ${property}\n }\n forward . 192.0.2.1\n }`, {
      outside: ({ questions: [question] }) => (question?.type === recordTypes.A ? { answers: [record(v42)] } : {}),
    });
    const { answers } = await ask("example.com", type, client(ip));
    expect(answers.some((one) => one.type === recordTypes.AAAA)).toBe(translated);
  });

  it.each([
    ["64:ff9b::/96", "64:ff9b::4040:4040"],
    ["64:ff9b::/64", "64:ff9b::40:4040:4000:0"],
    ["64:ff9b::/56", "64:ff9b:0:40:40:4040::"],
    ["64::/32", "64:0:4040:4040::"],
  ])("TestTo6: %s", async (prefix, address) => {
    const { ask } = corefileWorld(`. {\n dns64 ${prefix}\n forward . 192.0.2.1\n }`, {
      outside: ({ questions: [question] }) =>
        question?.type === recordTypes.A ? { answers: recordsOf("example.com 60 A 64.64.64.64") } : {},
    });
    expect(said(await ask("example.com", "AAAA", six))).toEqual(["NOERROR", `example.com. 60 IN AAAA ${address}`]);
  });

  it.each([
    ["AAAA records", "", 0, true, false],
    ["none", "", 0, false, true],
    ["NOTIMP", "", 4, false, true],
    ["NXDOMAIN", "", 3, false, false],
    ["AAAA records, with translate_all", "translate_all", 0, true, true],
  ])("TestResponseShould: %s", async (_, property, rcode, has, translated) => {
    const { ask } = corefileWorld(`. {\n dns64 {\n ${property}\n }\n forward . 192.0.2.1\n }`, {
      outside: ({ questions: [question] }) =>
        question?.type === recordTypes.A
          ? { answers: [record(v42)] }
          : { rcode, answers: has ? recordsOf("example.com 60 AAAA ::1") : [] },
    });
    expect(said(await ask("example.com", "AAAA", six)).includes(mapped(60, 42))).toBe(translated);
  });
});

describe("coredns: plugin/bufsize/bufsize_test.go", () => {
  const edns = (udpSize: number): Ask => ({ edns: { udpSize, version: 0, dnssecOk: false, options: [] } });
  it.each([
    ["more than allowed", edns(1152), 1024],
    ["less than allowed", edns(896), 896],
    ["none", {}, 512],
  ])("%s", async (_, ask, most) => {
    const { bytes } = corefileWorld(". {\n bufsize 1024\n forward . 192.0.2.1\n }", {
      outside: () => ({ answers: Array.from({ length: 200 }, (_, i) => record(`example.com 5 A 192.0.2.${i}`)) }),
    });
    const { length } = await bytes("example.com", "A", ask);
    expect(length).toBeLessThanOrEqual(most);
    expect(length).toBeGreaterThan(most - 16);
  });
});
