import { ipFamilies } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import type { ExplainedRule, NodeNetwork, ServicePlan } from "../../model/index.ts";
import { elementCommand, familyWords, parseVerdict, ruleCommand, ruleText, tableOf } from "../nft/index.ts";
import type { ChainDefinition, Rule, RuleStatement } from "../nft/index.ts";
import { eachLineOf, elementOf, elementSets } from "./element-text.ts";
import type { ElementSet, Line } from "./element-text.ts";
import { planText } from "./plan-text.ts";
import { recallChain, shapeChain } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { tableName } from "./table-name.ts";
import { StickyNumbers } from "./sticky.ts";

/** The elements of one Service, each explained, and the chains that they lead to; those are shared with other Services. */
export function serviceRules(plans: readonly ServicePlan[], network: NodeNetwork): readonly ExplainedRule[] {
  return ipFamilies.flatMap((family) => {
    const own = plans.filter((plan) => plan.family === family);
    return own.length === 0 ? [] : familyRules(family, own, network);
  });
}

function familyRules(family: IpFamily, plans: readonly ServicePlan[], network: NodeNetwork): readonly ExplainedRule[] {
  const shapes = new Map<string, Shape>();
  const text = planText(plans, {
    family,
    before: "",
    sticky: new StickyNumbers(),
    shape: (name, shape) => void shapes.set(name, shape),
  });
  const rules: ExplainedRule[] = [];
  for (const set of elementSets) {
    eachLineOf(text, set, (line) => {
      rules.push({
        text: elementCommand(tableOf(family, tableName), elementOf(line)),
        meaning: elementMeaning(family, line),
      });
    });
  }
  const chains = new Map<string, ChainDefinition>();
  for (const shape of shapes.values()) {
    const recall = recallChain(family, shape);
    if (recall !== undefined) chains.set(recall.name, recall);
    const chain = shapeChain(family, shape, network.masqueradeBit);
    chains.set(chain.name, chain);
  }
  for (const { name, rules: own } of chains.values()) {
    for (const rule of own) {
      rules.push({ text: ruleCommand(tableOf(family, tableName), name, ruleText(rule)), meaning: ruleMeaning(rule) });
    }
  }
  return rules;
}

function elementMeaning(family: IpFamily, { set, key, value = "" }: Line): string {
  const entry = entryMeaning(family, key);
  const meanings: Readonly<Record<ElementSet, () => string>> = {
    services: () => `Connections to ${entry} ${verdictMeaning(value)}.`,
    "short-circuits": () =>
      `This node's pods and processes that connect to ${entry} reach all endpoints: they ${verdictMeaning(value)}.`,
    "local-services": () =>
      `Everyone else that connects to ${entry} reaches endpoints on this node only: they ${verdictMeaning(value)}.`,
    endpoints: () => `${slotMeaning(key)} of ${entry} is ${addressMeaning(value)}.`,
    "no-endpoints": () =>
      value === "drop"
        ? `Packets to ${entry} are dropped: there are endpoints, but none on this node.`
        : `Connections to ${entry} are refused: there is no endpoint.`,
    "cluster-ips": () => `${key} is the cluster IP of a Service: other ports of it are refused.`,
    guarded: () => `Only the sources in source-ranges may connect to ${entry}.`,
    "source-ranges": () => `${key.split(" . ")[1] ?? ""} may connect to ${entryMeaning(family, withoutSource(key))}.`,
    hairpin: () => `The pod ${key.split(" . ")[0] ?? ""} that reaches itself sees the node's address as the client.`,
    "sticky-services": () => `Clients of ${entry} are remembered under the number ${value}.`,
    "sticky-slots": () => `${slotMeaning(key)} is endpoint number ${value}.`,
    "sticky-endpoints": () => `Endpoint number ${key} is ${addressMeaning(value)}.`,
    "sticky-local-endpoints": () => `Endpoint number ${key} on this node is ${addressMeaning(value)}.`,
  };
  return meanings[set]();
}

/** Such as `10.96.0.20 port 80 (TCP)`. */
function entryMeaning(family: IpFamily, key: string): string {
  const [address = "", protocol = "", port = ""] = key.split(" . ");
  const where = address === familyWords(family).anyAddress ? "any address of the node" : address;
  return `${where} port ${port} (${protocol.toUpperCase()})`;
}

function addressMeaning(value: string): string {
  const [address = "", port = ""] = value.split(" . ");
  return `${address} port ${port}`;
}

function withoutSource(key: string): string {
  return key
    .split(" . ")
    .filter((_, i) => i !== 1)
    .join(" . ");
}

/** The last part of the key: `1:3`, or 65539 in maps of session affinity. */
function slotMeaning(key: string): string {
  const text = key.slice(key.lastIndexOf(" ") + 1);
  const number = text.includes(":")
    ? Number.parseInt(text.split(":")[0] ?? "", 16) * 0x1_0000 + Number.parseInt(text.split(":")[1] ?? "", 16)
    : Number(text);
  return `Slot ${(number & 0xffff) + 1} of the ${number >= 0x2_0000 ? "endpoints on this node" : "endpoints"}`;
}

function verdictMeaning(value: string): string {
  const verdict = parseVerdict(value);
  return verdict?.kind === "goto" ? `go on in chain ${verdict.chain}` : value;
}

function ruleMeaning(rule: Rule): string {
  // Matches only tell nft that there are ports.
  const text = rule
    .flatMap((statement) => (statement.kind === "match" ? [] : [statementMeaning(statement)]))
    .join(", ");
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function statementMeaning(statement: Exclude<RuleStatement, { readonly kind: "match" }>): string {
  switch (statement.kind) {
    case "assign":
      if (statement.field === "meta mark") return "asks for the node's address as the source";
      return statement.value.kind === "lookup" ? lookupMeaning(statement.value.map) : "picks a slot";
    case "vmap":
      return `goes on as ${statement.map} says`;
    case "remember":
      return statement.action === "update"
        ? `remembers the client's endpoint for ${statement.timeoutSeconds ?? 0} s from now`
        : "forgets a client whose endpoint is gone";
    case "dnat":
      return "sends the connection to the endpoint";
    case "masquerade":
      return "gives the connection the node's address";
    case "reject":
      return "refuses the connection";
    case "verdict":
      return "chain" in statement.verdict ? `goes on in ${statement.verdict.chain}` : statement.verdict.kind;
  }
}

function lookupMeaning(map: string): string {
  const meanings: Readonly<Record<string, string>> = {
    "sticky-services": "finds the number under which clients are remembered",
    affinity: "finds the endpoint that the client had",
    "sticky-slots": "picks an endpoint's number",
  };
  return meanings[map] ?? `looks in ${map}`;
}
