import { describe, expect, it } from "vitest";
import { savedRules } from "./iptables-state.ts";

const service = (address: string): string =>
  `-A KUBE-SERVICES -d ${address}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA`;
const toLoopback = "-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30001 -j KUBE-EXT-AAAAAAAAAAAAAAAA";
const nodePort = "-A KUBE-NODEPORTS -p tcp -m tcp --dport 30001 -j KUBE-EXT-AAAAAAAAAAAAAAAA";
const last = "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS";
const ret = "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN";
const masquerade = "-A KUBE-POSTROUTING -j MASQUERADE --random-fully";

function state(...rules: readonly string[]): readonly string[] {
  const chains = ["KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-POSTROUTING"].map((chain) => `:${chain} - [0:0]`);
  return savedRules(["*nat", ...chains, ...rules, "COMMIT"].join("\n"));
}

describe("savedRules()", () => {
  it("is the same for rules of different Services in another order", () => {
    const text = state(service("10.96.0.2"), service("10.96.0.3"), last);
    expect(text).toEqual(state(service("10.96.0.3"), service("10.96.0.2"), last));
    expect(text.some((rule) => rule.includes("unknown"))).toBe(false);
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ["a rule behind the one that must be the last", [service("10.96.0.2"), last], [last, service("10.96.0.2")]],
    ["two rules for one port in another order", [toLoopback, nodePort], [nodePort, toLoopback]],
    ["rules of no Service in another order", [ret, masquerade], [masquerade, ret]],
    ["a rule that is there twice", [nodePort], [nodePort, nodePort]],
  ])("tells %s", (_, one, other) => {
    expect(state(...one)).not.toEqual(state(...other));
  });
});
