import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { IpFamily } from "../../../src/core/index.ts";
import { openNft, runProgram } from "../../../src/kernel/index.ts";
import type { Nft } from "../../../src/kernel/index.ts";
import type { NodeNetwork, ServicePlan } from "../../../src/model/index.ts";
import type { ProxyMode } from "../../../src/proxy/index.ts";
import { parseTable, tableDifferences } from "../../../src/rules/nft/index.ts";
import type { Script, TableState } from "../../../src/rules/nft/index.ts";
import { RuleSet, tableName } from "../../../src/rules/nftables/index.ts";
import { tableName as userspaceTable, UserspaceRules } from "../../../src/rules/userspace/index.ts";
import { nftablesRules } from "../../../src/sim/index.ts";
import type { HookedRules } from "../../../src/sim/index.ts";
import { expectWalk } from "./expect-walk.ts";
import { settings } from "./settings.ts";
import { networkOf, plansOn } from "./sim-judge.ts";
import type { NodeName } from "./places.ts";
import { nodes } from "./places.ts";
import { listenerPlace, withRelay } from "./userspace-walk.ts";
import { testNamespaces } from "../../support/test-namespaces.ts";

const newNamespace = testNamespaces();
let namespace: string;
let nft: Nft;

beforeAll(() => {
  namespace = newNamespace();
  nft = openNft({ namespace });
});
afterAll(() => nft.close());

/** A mode that writes tables of nftables. */
interface TableWriter {
  readonly mode: ProxyMode;
  readonly tableName: string;
  /** What the mode wants of these plans on a node: the script, and the tables that it should lead to. */
  write(plans: Plans, node: NodeName, network: NodeNetwork): Written;
  /** The rules of a table that was read, for the walker. */
  rulesOf(table: TableState, plans: Plans, node: NodeName, family: IpFamily): readonly HookedRules[];
}

type Plans = ReadonlyMap<string, readonly ServicePlan[]>;

interface Written {
  readonly script: Script;
  readonly tables: ReadonlyMap<IpFamily, TableState>;
}

const writers: readonly TableWriter[] = [
  {
    mode: "nftables",
    tableName,
    write(plans, _node, network) {
      const book = new RuleSet(network);
      for (const [service, list] of plans) book.want(service, list);
      return { script: book.full({ recreate: true }).script, tables: book.tables() };
    },
    rulesOf: nftablesRules,
  },
  {
    mode: "userspace",
    tableName: userspaceTable,
    write(plans, node, network) {
      const book = new UserspaceRules(network);
      for (const [service, list] of plans) book.want(service, list);
      const families = book.families();
      for (const family of families) book.setListeners(family, listenerPlace(node, family));
      const tables = new Map(families.map((family) => [family, book.state(family)]));
      return { script: book.full({ recreate: true }).script, tables };
    },
    rulesOf: (table, plans, node, family) =>
      nftablesRules(table).map((one) => withRelay(one, [...plans.values()].flat(), listenerPlace(node, family))),
  },
];

/** What the kernel has of a family's table, read from nft's listing. */
async function listed(family: IpFamily, name: string): Promise<TableState> {
  const word = family === "IPv4" ? "ip" : "ip6";
  const table = parseTable(await runProgram(["nft", "-nn", "list", "table", word, name], { namespace }));
  if (table.kind === "failed") throw new Error(`line ${table.line} of the ${word} table: ${table.reason}`);
  return table.state;
}

/** The tables of a node after they were in the kernel. */
async function carried(writer: TableWriter, plans: Plans, node: NodeName, network: NodeNetwork) {
  const { script, tables } = writer.write(plans, node, network);
  await nft.apply(script, { full: true });
  const found = new Map<IpFamily, TableState>();
  for (const [family, wanted] of tables) {
    const table = await listed(family, writer.tableName);
    expect(tableDifferences(wanted, table)).toEqual([]);
    found.set(family, table);
  }
  return found;
}

describe.each(writers.map((writer) => [writer.mode, writer] as const))(
  "the suite's rules of mode %s, loaded into the kernel and listed",
  (mode, writer) => {
    it.each(settings.map((setting) => [setting.name, setting] as const))(
      "are what was written, and mean the same, with %s",
      async (_, setting) => {
        const found = new Map<NodeName, ReadonlyMap<IpFamily, TableState>>();
        for (const node of nodes) {
          found.set(node, await carried(writer, plansOn(node, setting), node, networkOf(node, setting.network)));
        }
        expectWalk(mode, setting, (plans, _network, node) => ({
          rules: new Map(
            [...(found.get(node) ?? [])].map(([family, table]) => [family, writer.rulesOf(table, plans, node, family)]),
          ),
        }));
      },
    );
  },
);
