import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cidr, ip } from "../../core/index.ts";
import type { Match, Rule, Target } from "./rule.ts";
import { parseRule } from "./parse-rule.ts";
import { ruleIdentity, ruleText } from "./rule-text.ts";
import { parseSaved } from "./saved-rules.ts";

const network = fc.constantFrom(ip("10.244.1.2"), cidr("10.96.0.0/16"), ip("fd00::2"), cidr("fd00:96::/108"));
const not = fc.constantFrom({}, { not: true as const });
const name = fc.stringMatching(/^[A-Z][A-Z0-9-]{1,20}[a-z]$/);
const bits = fc.integer({ min: 0, max: 31 }).map((bit) => 2 ** bit);
const port = fc.integer({ min: 1, max: 65_535 });

const match: fc.Arbitrary<Match> = fc.oneof(
  fc.record({ kind: fc.constantFrom("source" as const, "destination" as const), network }),
  fc.record({ kind: fc.constant("in-interface" as const), name: fc.constantFrom("veth+", "cbr0") }),
  fc.record({ kind: fc.constant("comment" as const), text: fc.stringMatching(/^[ -~]{1,60}$/) }),
  fc.record({
    kind: fc.constant("connection-state" as const),
    states: fc.constantFrom(["NEW"], ["RELATED", "ESTABLISHED", "DNAT"]),
  }),
  fc.record({
    kind: fc.constant("local-address" as const),
    side: fc.constantFrom("source" as const, "destination" as const),
  }),
  fc.record({ kind: fc.constant("mark" as const), bits }),
  fc.record({
    kind: fc.constant("random" as const),
    probability: fc.integer({ min: 1, max: 999 }).map((n) => n / 1000),
  }),
  fc.record({ kind: fc.constant("every" as const), packets: fc.integer({ min: 2, max: 5000 }) }),
  fc.record({ kind: fc.constant("recently-seen" as const), list: name, seconds: fc.integer({ min: 1, max: 86_400 }) }),
  fc.record({ kind: fc.constant("remember-source" as const), list: name }),
);
const deniable: ReadonlySet<Match["kind"]> = new Set([
  "source",
  "destination",
  "in-interface",
  "connection-state",
  "local-address",
  "mark",
]);
const anyMatch = fc.tuple(match, not).map(([one, no]) => (deniable.has(one.kind) ? { ...one, ...no } : one));
const protocol = fc.record(
  { kind: fc.constant("protocol" as const), protocol: fc.constantFrom("tcp", "udp", "sctp"), destinationPort: port },
  { requiredKeys: ["kind", "protocol"] },
) as fc.Arbitrary<Match>;
const target: fc.Arbitrary<Target> = fc.oneof(
  fc.record({ kind: fc.constant("jump" as const), chain: name }),
  fc.record({ kind: fc.constantFrom("accept", "drop", "return", "reject", "reset") }) as fc.Arbitrary<Target>,
  fc.record({ kind: fc.constant("dnat" as const), ip: fc.constantFrom(ip("10.244.1.2"), ip("fd00::2")), port }),
  fc.record({ kind: fc.constant("masquerade" as const), randomly: fc.boolean() }),
  fc.record({ kind: fc.constantFrom("set-mark-bits" as const, "flip-mark-bits" as const), bits }),
);
const anyRule: fc.Arbitrary<Rule> = fc
  .tuple(
    fc.array(anyMatch, { maxLength: 4 }),
    fc.option(protocol, { nil: undefined }),
    fc.option(target, { nil: undefined }),
  )
  .map(([matches, withPort, to]) => ({
    matches: withPort === undefined ? matches : [...matches, withPort],
    ...(to === undefined ? {} : { target: to }),
  }));

describe("parseRule()", () => {
  it("reads every rule that ruleText() writes", () => {
    fc.assert(
      fc.property(anyRule, (rule) => {
        expect(ruleIdentity(parseRule(ruleText(rule)) ?? { matches: [] })).toBe(ruleIdentity(rule));
      }),
    );
  });

  it.each([
    "-p icmp -j ACCEPT",
    "-m limit --limit 5/min -j LOG",
    "-m multiport --dports 80,443 -j DNAT --to-destination 10.0.0.1",
    "-j DNAT --to-destination 10.0.0.1-10.0.0.9",
    "-j REJECT --reject-with icmp-host-prohibited",
    "-m statistic --mode nth --every 3 --packet 1 -j X",
    "-p tcp ! --dport 80 -j X",
    "-m mark --mark 0x1/0x3 -j X",
  ])("leaves %s to others", (text) => expect(parseRule(text)).toBeUndefined());

  it("never fails, whatever the text", () => {
    fc.assert(fc.property(fc.string({ maxLength: 60 }), (text) => void parseRule(text)));
  });
});

describe("parseSaved()", () => {
  // As iptables-save 1.8.9 lists rules that were written in another way.
  it.each([
    [
      '-d 10.96.0.1/32 -p tcp -m comment --comment "a/b:c cluster IP" -m tcp --dport 80 -j KUBE-SVC-X',
      '-m comment --comment "a/b:c cluster IP" -d 10.96.0.1 -m tcp -p tcp --dport 80 -j KUBE-SVC-X',
    ],
    [
      "-m statistic --mode random --probability 0.33333333349 -j X",
      "-m statistic --mode random --probability 0.3333333333 -j X",
    ],
    ["-j MARK --set-xmark 0x4000/0x0", "-j MARK --xor-mark 0x4000"],
    ["-j MARK --set-xmark 0x4000/0x4000", "-j MARK --or-mark 0x4000"],
    [
      "-m recent --rcheck --seconds 9 --reap --name L --mask 255.255.255.255 --rsource -j X",
      "-m recent --name L --rcheck --seconds 9 --reap -j X",
    ],
    ["-p udp -j REJECT --reject-with icmp-port-unreachable", "-m udp -p udp -j REJECT"],
  ])("knows %s", (listed, written) => {
    const saved = parseSaved(`*nat\n:X - [0:0]\n-A X ${listed}\nCOMMIT\n`);
    const [rule] = saved.get("nat")?.get("X") ?? [];
    expect(ruleIdentity(rule?.rule ?? { matches: [] })).toBe(ruleIdentity(parseRule(written) ?? { matches: [] }));
  });

  it("keeps tables apart, counters or not, and passes over what it does not know", () => {
    const text =
      "# Generated\n*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j DROP\nCOMMIT\n*filter\n:INPUT ACCEPT [1:2]\n[3:4] -A INPUT -j DROP\n-A INPUT -p icmp -j ACCEPT\nCOMMIT\n";
    const saved = parseSaved(text);
    expect([...saved.keys()]).toEqual(["filter"]);
    expect(saved.get("filter")?.get("INPUT")).toEqual([
      { text: "-j DROP", rule: { matches: [], target: { kind: "drop" } } },
      { text: "-p icmp -j ACCEPT" },
    ]);
  });
});
