import { describe, expect, it } from "vitest";
import type { IpFamily } from "../../../src/core/index.ts";
import { runProgram } from "../../../src/kernel/index.ts";
import { parseSaved } from "../../../src/rules/iptables/index.ts";
import type { SavedTable, Table } from "../../../src/rules/iptables/index.ts";
import { iptablesRules } from "../../../src/sim/index.ts";
import { iptablesLegacy, iptablesNft } from "./engines.ts";
import { expectWalk } from "./expect-walk.ts";
import { rulesIn } from "./iptables-state.ts";
import { writtenTables } from "./iptables-walk.ts";
import { nodes } from "./places.ts";
import type { NodeName } from "./places.ts";
import { settings } from "./settings.ts";
import { networkOf, plansOn } from "./sim-judge.ts";
import { testNamespaces } from "../../support/test-namespaces.ts";

const newNamespace = testNamespaces();
const programs: readonly (readonly [IpFamily, string])[] = [
  ["IPv4", "iptables"],
  ["IPv6", "ip6tables"],
];

type Tables = ReadonlyMap<Table, SavedTable>;

describe.each([
  ["legacy", iptablesLegacy],
  ["nft", iptablesNft],
] as const)("the suite's rules of mode iptables, written by the %s variant and listed", (variant, engine) => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "are what was written, and mean the same, with %s",
    async (_, setting) => {
      const found = new Map<NodeName, ReadonlyMap<IpFamily, Tables>>();
      for (const node of nodes) {
        const namespace = newNamespace();
        const network = networkOf(node, setting.network);
        const plans = plansOn(node, setting);
        const opened = engine.open(namespace);
        opened.setNetwork(network);
        for (const [service, list] of plans) opened.want(service, list);
        await opened.writeAll(plans.keys());
        opened.close();
        const written = writtenTables(plans, network);
        const listed = new Map<IpFamily, Tables>();
        for (const [family, program] of programs) {
          const tables = parseSaved(await runProgram([`${program}-${variant}-save`], { namespace }));
          expect(rulesIn(tables)).toEqual(rulesIn(written.get(family) ?? new Map()));
          listed.set(family, tables);
        }
        found.set(node, listed);
      }
      expectWalk("iptables", setting, (_plans, _network, node) => ({
        rules: new Map([...(found.get(node) ?? [])].map(([family, tables]) => [family, iptablesRules(tables)])),
      }));
    },
  );
});
