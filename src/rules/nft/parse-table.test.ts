import { describe, expect, it } from "vitest";
import { parseElements, parseTable } from "./parse-table.ts";

const table = `table ip sealane { # handle 1
	map services {
		typeof ip daddr . meta l4proto . th dport : verdict
		elements = { 10.96.0.20 . tcp . 80 comment "a/b:x, y { : z }" : goto pick-2,
			     10.96.0.21 . 17 . 53 : drop }
	}

	set ranges {
		type ipv4_addr . inet_proto
		size 65535
		flags interval,timeout
		elements = { 10.0.0.0/8 . 6,
			     10.0.0.1/32 . 132 timeout 1m expires 59s }
	}

	set empty {
		type ipv4_addr
	}

	chain in {
		type filter hook prerouting priority dstnat + 10; policy accept;
		ct state new accept
	}

	chain pick {
	}
}
`;

describe("parseTable()", () => {
  const parsed = parseTable(table);
  const state = parsed.kind === "parsed" ? parsed.state : undefined;

  it("reads sets, maps and chains", () => {
    expect(parsed).toMatchObject({ kind: "parsed", family: "IPv4", name: "sealane" });
    expect([...(state?.sets.keys() ?? [])]).toEqual(["services", "ranges", "empty"]);
    expect(state?.chains.get("in")?.hook).toEqual({ type: "filter", hook: "prerouting", priority: -90 });
    expect(state?.chains.get("pick")?.rules).toEqual([]);
  });

  it("reads elements, however protocols and addresses are written", () => {
    expect([...(state?.sets.get("services")?.elements.values() ?? [])]).toEqual([
      { set: "services", key: "10.96.0.20 . tcp . 80", value: "goto pick-2", comment: "a/b:x, y { : z }" },
      { set: "services", key: "10.96.0.21 . udp . 53", value: "drop" },
    ]);
    expect([...(state?.sets.get("ranges")?.elements.keys() ?? [])]).toEqual(["10.0.0.0/8 . tcp", "10.0.0.1 . sctp"]);
    expect(state?.sets.get("ranges")?.definition).toMatchObject({ size: 65_535, flags: ["interval", "timeout"] });
  });

  it.each([
    ["", 1, "ends"],
    ["table inet x {\n}", 1, "expected a table"],
    ["table ip x {\n\tflowtable f {\n\t}\n}", 2, "expected a set, a map or a chain"],
    ["table ip x {\n\tchain c {\n\t\tcounter packets 1 bytes 1\n\t}\n}", 3, "expected a field"],
    ["table ip x {\n\tset s {\n\t\tpolicy memory\n\t}\n}", 3, "expected a property"],
    ["table ip x {\n\tset s {\n\t}\n}", 3, "no type"],
    ["table ip x {\n\tchain c {\n\t\ttype filter hook input priority 0; policy drop;\n", 3, "expected a hook"],
    ["table ip x {\n\tmap m {\n\t\telements = { 1.1.1.1 : 2", 3, "ends"],
  ])("says what it cannot read of %j", (text, line, reason) => {
    const failed = parseTable(text);
    expect(failed).toMatchObject({ kind: "failed", line });
    expect(failed.kind === "failed" && failed.reason).toContain(reason);
  });
});

describe("parseElements()", () => {
  it("reads what nft lists of one set", () => {
    const definition = { name: "hairpin", key: { kind: "types", names: ["ipv6_addr", "inet_proto"] } } as const;
    expect(parseElements('fd00::1 . 6 comment "a/b", :: . 17', definition).map(({ key }) => key)).toEqual([
      "fd00::1 . tcp",
      ":: . udp",
    ]);
  });
});
