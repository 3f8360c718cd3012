import { describe, expect, it } from "vitest";
import { parseTable } from "./parse-table.ts";
import { tableDifferences } from "./table-difference.ts";
import type { TableState } from "./table-state.ts";

const wanted = tableOfText(`table ip mine {
	map services {
		typeof ip daddr . meta l4proto . th dport : verdict
		elements = { 10.96.0.20 . tcp . 80 comment "tour/web" : goto pick, 10.96.0.21 . udp . 53 : drop }
	}
	set ranges {
		typeof ip saddr
		flags interval
		elements = { 10.0.0.0/8, 10.244.1.2 }
	}
	map clients {
		typeof ip saddr : meta mark
		flags dynamic
	}
	chain pick {
		ip saddr { 10.0.0.0/8, 192.168.0.0/16 } drop
		ip daddr { 10.96.0.0/16 } accept
	}
}
`);

function tableOfText(text: string): TableState {
  const parsed = parseTable(text);
  if (parsed.kind === "failed") throw new Error(parsed.reason);
  return parsed.state;
}

describe("tableDifferences()", () => {
  it("finds none where nft writes the same in another way, or packets filled something in", () => {
    const found = tableOfText(`table ip mine {
	chain pick {
		ip saddr { 192.168.0.0/16, 10.0.0.0/8 } drop
		ip daddr 10.96.0.0/16 accept
	}
	map clients {
		typeof ip saddr : meta mark
		flags dynamic
		elements = { 10.244.1.7 : 0x00000001 }
	}
	set ranges {
		typeof ip saddr
		flags interval
		elements = { 10.244.1.2/32, 10.0.0.0/8 }
	}
	map services {
		typeof ip daddr . meta l4proto . th dport : verdict
		elements = { 10.96.0.21 . 17 . 53 : drop, 10.96.0.20 . 6 . 80 comment "other" : goto pick }
	}
}
`);
    expect(tableDifferences(wanted, found)).toEqual([]);
  });

  it("names elements, chains and sets that are missing, other or too many", () => {
    const found = tableOfText(`table ip mine {
	map services {
		typeof ip daddr . meta l4proto . th dport : verdict
		elements = { 10.96.0.21 . udp . 53 : accept, 9.9.9.9 . tcp . 80 : drop }
	}
	map clients {
		typeof ip saddr : meta mark
		flags dynamic
	}
	chain pick {
	}
	chain more {
	}
}
`);
    expect(tableDifferences(wanted, found)).toEqual([
      {
        what: "chain pick",
        wanted: "ip saddr { 10.0.0.0/8, 192.168.0.0/16 } drop\nip daddr 10.96.0.0/16 accept",
        found: "",
      },
      { what: "chain more", found: "" },
      expect.objectContaining({ what: "set ranges" }),
      { what: "element 10.96.0.20 . tcp . 80 of services", wanted: "goto pick" },
      { what: "element 10.96.0.21 . udp . 53 of services", wanted: "drop", found: "accept" },
      { what: "element 9.9.9.9 . tcp . 80 of services", found: "drop" },
      { what: "element 10.0.0.0/8 of ranges", wanted: "" },
      { what: "element 10.244.1.2 of ranges", wanted: "" },
    ]);
  });
});
