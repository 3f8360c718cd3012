import { describe, expect, it } from "vitest";
import { parseRule } from "./parse-rule.ts";
import { ruleText } from "./rule.ts";

/** How nft lists a rule, and how it is written here. */
const rows: readonly (readonly [listed: string, written: string])[] = [
  ["ct state 0x8 jump check", "ct state new jump check"],
  ["ct status dnat accept", "ct status dnat accept"],
  ["tcp dport { 41001, 41002 } drop", "tcp dport { 41001, 41002 } drop"],
  ["meta l4proto 6 dnat to 192.168.100.11:41001", "meta l4proto tcp dnat to 192.168.100.11:41001"],
  ["udp dport 53 dnat to [fd00:100::11]:41003", "udp dport 53 dnat to [fd00:100::11]:41003"],
  ["fib daddr type 2 ip daddr != 127.0.0.0/8 drop", "fib daddr type local ip daddr != 127.0.0.0/8 drop"],
  ["reject with tcp reset", "meta l4proto tcp reject with tcp reset"],
  ["meta l4proto 6 reject with tcp reset", "meta l4proto tcp reject with tcp reset"],
  ["reject with icmpx port-unreachable", "reject"],
  ["meta mark set meta mark | 0x00004000", "meta mark set meta mark | 0x4000"],
  ["meta mark & 0x00004000 != 0x00000000 masquerade fully-random", "meta mark & 0x4000 != 0 masquerade fully-random"],
  ["meta mark != 0x00000000/1 return", "meta mark & 0x80000000 != 0 return"],
  ["ip saddr { 10.0.0.0/8, 192.168.0.0/16 } drop", "ip saddr { 10.0.0.0/8, 192.168.0.0/16 } drop"],
  ['iifname != "veth*" ip daddr @cluster-ips accept', 'iifname != "veth*" ip daddr @cluster-ips accept'],
  [
    "meta l4proto { 6, 17, 132 } dnat ip6 to meta priority map @sticky-endpoints",
    "meta l4proto { tcp, udp, sctp } dnat to meta priority map @sticky-endpoints",
  ],
  [
    "update @affinity { meta priority & ffff:c000 . ip saddr timeout 3h : meta priority }",
    "update @affinity { meta priority & 0xffffc000 . ip saddr timeout 10800s : meta priority }",
  ],
  [
    "update @affinity { meta priority . ip saddr timeout 1d1h1m1s : meta priority }",
    "update @affinity { meta priority . ip saddr timeout 90061s : meta priority }",
  ],
  [
    "meta priority set meta priority & ffff:c000 . jhash ip6 saddr mod 3 seed 0x5 offset 65536 map @sticky-slots",
    "meta priority set meta priority & 0xffffc000 . jhash ip6 saddr mod 3 seed 0x5 offset 65536 map @sticky-slots",
  ],
  ["meta priority set numgen inc mod 3 offset 65536 goto x", "meta priority set numgen inc mod 3 offset 65536 goto x"],
  [
    "ip daddr & 0.0.0.0 . meta l4proto . th dport vmap @services",
    "ip daddr & 0.0.0.0 . meta l4proto . th dport vmap @services",
  ],
];

describe("parseRule()", () => {
  it.each(rows)("reads %s", (listed, written) => {
    expect(ruleText(parseRule(listed))).toBe(written);
    expect(ruleText(parseRule(written))).toBe(written);
  });

  it.each([
    "counter packets 0 bytes 0",
    "ip daddr",
    "meta mark set",
    "dnat to",
    "dnat to 10.0.0.1",
    "dnat to 10.0.0.300:80",
    "dnat to [fd00::1]:70000",
    "jump",
    "update @x { ip saddr }",
    "reject with sorrow",
  ])("throws for %s", (text) => expect(() => parseRule(text)).toThrow(SyntaxError));
});
