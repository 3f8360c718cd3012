import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import { ip } from "../../../src/core/index.ts";
import type { IpFamily } from "../../../src/core/index.ts";
import { inNamespace, openIpvsRules } from "../../../src/kernel/index.ts";
import { systemClock } from "../../../src/net/index.ts";
import { ipvsEngine } from "../../../src/proxy/index.ts";
import { diffStates, parseIpset, parseIpvsadm, stateOfStatements } from "../../../src/rules/ipvs/index.ts";
import type { IpvsState } from "../../../src/rules/ipvs/index.ts";
import { ipvsAddresses, ipvsRules } from "../../../src/sim/index.ts";
import { expectWalk } from "./expect-walk.ts";
import { ipvsStateOf } from "./ipvs-walk.ts";
import { TestNetwork } from "./network.ts";
import { families, nodes } from "./places.ts";
import type { NodeName } from "./places.ts";
import { settings } from "./settings.ts";
import { networkOf, plansOn } from "./sim-judge.ts";

/** What the tools list of a node. */
interface Listed {
  readonly state: IpvsState;
  readonly chains: ReadonlyMap<IpFamily, string>;
}

const network = new TestNetwork();
afterAll(() => network.stop());

function listed(node: NodeName): Listed {
  const run = (program: string, ...args: readonly string[]): string =>
    inNamespace(network.path(node), () => execFileSync(program, args, { encoding: "utf8" }));
  const routes = ["-4", "-6"].map((family) =>
    run("ip", family, "route", "show", "table", "local", "dev", "kube-ipvs0"),
  );
  const addresses = [...routes.join("\n").matchAll(/^local (\S+) /gm)]
    .map(([, address = ""]) => ip(address))
    .filter((address) => !address.startsWith("fe80:"));
  const state = stateOfStatements([
    ...parseIpvsadm(run("ipvsadm", "-S", "-n")),
    ...parseIpset(run("ipset", "save")).members.map((member) => ({ kind: "add-member", member }) as const),
    ...addresses.map((address) => ({ kind: "add-address", ip: address }) as const),
  ]);
  return {
    state,
    chains: new Map([
      ["IPv4", run("iptables-legacy-save")],
      ["IPv6", run("ip6tables-legacy-save")],
    ]),
  };
}

describe("the suite's virtual servers, sets and chains of mode ipvs, written and listed", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "are what was written, and mean the same, with %s",
    async (_, setting) => {
      const found = new Map<NodeName, Listed>();
      for (const node of nodes) {
        const ownNetwork = networkOf(node, setting.network);
        const plans = plansOn(node, setting);
        const engine = ipvsEngine({ ipvs: openIpvsRules({ namespace: network.path(node) }), clock: systemClock });
        engine.setNetwork(ownNetwork);
        for (const [service, list] of plans) engine.want(service, list);
        await engine.writeAll(plans.keys());
        const list = listed(node);
        await engine.remove();
        engine.close();
        const wanted = ipvsStateOf(plans, ownNetwork, node);
        expect(list.state.servers.size).toBeGreaterThan(5);
        expect(diffStates(list.state, wanted)).toEqual([]);
        found.set(node, list);
      }
      expectWalk("ipvs", setting, (_plans, ownNetwork, node) => {
        const list = found.get(node);
        if (list === undefined) throw new Error(`nothing was listed on ${node}`);
        return {
          rules: new Map(
            families.map((family) => [family, ipvsRules(family, ownNetwork, list.state, list.chains.get(family))]),
          ),
          addresses: ipvsAddresses(list.state),
        };
      });
    },
  );
});
