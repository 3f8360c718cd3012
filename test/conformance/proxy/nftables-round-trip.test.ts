import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IpFamily } from "../../../src/core/index.ts";
import { createNamespace, openNft, removeNamespace, runProgram } from "../../../src/kernel/index.ts";
import type { Nft } from "../../../src/kernel/index.ts";
import { planService } from "../../../src/model/index.ts";
import { parseTable, tableDifferences } from "../../../src/rules/nft/index.ts";
import type { TableState } from "../../../src/rules/nft/index.ts";
import { RuleSet, tableName } from "../../../src/rules/nftables/index.ts";
import { nftablesRules } from "../../../src/sim/index.ts";
import { deviatingFate } from "./deviations.ts";
import { describeFate, describePacket } from "./packet-case.ts";
import { settings } from "./settings.ts";
import { networkOf, placeOf, SimJudge } from "./sim-judge.ts";
import type { NodeName } from "./places.ts";
import { nodes } from "./places.ts";

const folder = mkdtempSync(join(tmpdir(), "sealane-round-trip-"));
const namespace = join(folder, "node");
let nft: Nft;

beforeAll(() => {
  createNamespace(namespace);
  nft = openNft({ namespace });
});
afterAll(() => {
  nft.close();
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});

/** What the kernel has of a family's table, read from nft's listing. */
async function listed(family: IpFamily): Promise<TableState> {
  const word = family === "IPv4" ? "ip" : "ip6";
  const table = parseTable(await runProgram(["nft", "-nn", "list", "table", word, tableName], { namespace }));
  if (table.kind === "failed") throw new Error(`line ${table.line} of the ${word} table: ${table.reason}`);
  return table.state;
}

describe("the suite's rules, loaded into the kernel and listed", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "are what was written, and mean the same, with %s",
    async (_, setting) => {
      const found = new Map<NodeName, ReadonlyMap<IpFamily, TableState>>();
      for (const node of nodes) {
        const book = new RuleSet(networkOf(node, setting.network));
        for (const { name, service, slices } of setting.cases) {
          book.want(name, planService(service, slices, placeOf(node)).ports);
        }
        await nft.apply(book.full({ recreate: true }).script, { full: true });
        const tables = new Map<IpFamily, TableState>();
        for (const [family, wanted] of book.tables()) {
          tables.set(family, await listed(family));
          expect(tableDifferences(wanted, tables.get(family) ?? wanted)).toEqual([]);
        }
        found.set(node, tables);
      }
      const judge = new SimJudge(setting, (_plans, _network, node) => ({
        rules: new Map([...(found.get(node) ?? [])].map(([family, table]) => [family, nftablesRules(table)])),
      }));
      const wrong = setting.cases.flatMap(({ packets }) =>
        packets.flatMap((packet) => {
          const fate = deviatingFate("nftables", packet) ?? packet.fate;
          const observed = judge.observe(packet, fate);
          return observed === describeFate(fate) ? [] : [`${describePacket(packet)} is ${observed}`];
        }),
      );
      expect(wrong).toEqual([]);
    },
  );
});
