import type { NodeNetwork, ServicePlan } from "../../../src/model/index.ts";
import { IpvsBook } from "../../../src/rules/ipvs/index.ts";
import type { IpvsState } from "../../../src/rules/ipvs/index.ts";
import { ipvsAddresses, ipvsRules } from "../../../src/sim/index.ts";
import { addressesOf, families } from "./places.ts";
import type { NodeName } from "./places.ts";
import type { RulesOf } from "./sim-judge.ts";

/** The IPVS engine's virtual servers, sets and chains, for the walker. */
export const ipvsRulesOf: RulesOf = (plans, network, node) => {
  const state = ipvsStateOf(plans, network, node);
  return {
    rules: new Map(families.map((family) => [family, ipvsRules(family, network, state)])),
    addresses: ipvsAddresses(state),
  };
};

/** What the IPVS engine wants of these plans on a node. */
export function ipvsStateOf(
  plans: ReadonlyMap<string, readonly ServicePlan[]>,
  network: NodeNetwork,
  node: NodeName,
): IpvsState {
  const book = new IpvsBook({ network });
  book.setNodeAddresses(addressesOf(node));
  for (const [service, list] of plans) book.want(service, list);
  const { script } = book.full();
  if (script.kind !== "ground" || script.state === undefined) throw new Error("a full transaction has no state");
  return script.state;
}
