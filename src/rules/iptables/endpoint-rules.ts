import { fixedChains, portTitle, ruleProtocol } from "./chain-names.ts";
import type { PlannedRule, RuleEndpoint, RulePlan, RuleSettings } from "./planned-rule.ts";
import { socketText } from "./rule-text.ts";
import type { Match } from "./rule.ts";

/** An endpoint with the chain that sends to it. */
export interface EndpointPlace {
  readonly endpoint: RuleEndpoint;
  readonly chain: string;
}

/** The rules that pick one of these endpoints: first the one that the client was sent to lately, else by the scheduler. */
export function pickRules(
  plan: RulePlan,
  chain: string,
  places: readonly EndpointPlace[],
  { brief }: RuleSettings,
): readonly PlannedRule[] {
  const title = portTitle(plan);
  const seconds = plan.affinitySeconds;
  const comments = places.map(({ endpoint: { ip, port } }) =>
    brief ? [] : [comment(`${title} -> ${socketText(ip, port)}`)],
  );
  const recalls = seconds === undefined ? [] : places.map((place, i) => recall(place, comments[i] ?? [], seconds));
  let rest = places.reduce((sum, { endpoint }) => sum + (endpoint.weight ?? 1), 0);
  const picks = places.map((place, i): PlannedRule => {
    const share = shareOf(plan, place.endpoint, rest, places.length - i);
    rest -= place.endpoint.weight ?? 1;
    const matches = i === places.length - 1 ? (comments[i] ?? []) : [...(comments[i] ?? []), share];
    return { table: "nat", chain, rule: { matches, target: { kind: "jump", chain: place.chain } }, reason: "pick" };
  });
  return [...recalls, ...picks];

  function recall(place: EndpointPlace, note: readonly Match[], seconds: number): PlannedRule {
    const matches: readonly Match[] = [...note, { kind: "recently-seen", list: place.chain, seconds }];
    return { table: "nat", chain, rule: { matches, target: { kind: "jump", chain: place.chain } }, reason: "recall" };
  }
}

/** Which packets of those that came so far a rule takes, with `left` endpoints of weight `rest` still to come. */
function shareOf({ scheduler }: RulePlan, { weight = 1 }: RuleEndpoint, rest: number, left: number): Match {
  if (scheduler === "rr") return { kind: "every", packets: left };
  return { kind: "random", probability: weight / rest };
}

/** The rules of the chain that sends to one endpoint. */
export function endpointRules(
  plan: RulePlan,
  { endpoint: { ip, port }, chain }: EndpointPlace,
  { brief }: RuleSettings,
): readonly PlannedRule[] {
  const note = brief ? [] : [comment(portTitle(plan))];
  const remember: readonly Match[] =
    plan.affinitySeconds === undefined ? [] : [{ kind: "remember-source", list: chain }];
  return [
    {
      table: "nat",
      chain,
      rule: {
        matches: [...note, { kind: "source", network: ip }],
        target: { kind: "jump", chain: fixedChains.markMasquerade },
      },
      reason: "hairpin",
    },
    {
      table: "nat",
      chain,
      rule: {
        matches: [...note, ...remember, { kind: "protocol", protocol: ruleProtocol(plan) }],
        target: { kind: "dnat", ip, port },
      },
      reason: "endpoint",
    },
  ];
}

/** A comment of a rule. */
export function comment(text: string): Match {
  return { kind: "comment", text };
}
