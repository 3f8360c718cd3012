import { responseCodes } from "../../codec/index.ts";
import { cidrContains, parseIp } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";
import type { AclRule, AclSettings } from "../corefile/configuration.ts";
import { dropped, failure } from "../resolver.ts";
import type { Reply, Request } from "../resolver.ts";
import type { Layer } from "./layer.ts";
import { inZones } from "./zone-match.ts";

const empty: Reply = { ...failure(responseCodes.NOERROR), plugin: "acl" };
const blocked: Reply = { ...failure(responseCodes.REFUSED), plugin: "acl" };

/** Lets clients through, or not, by their address and the type they ask for; the first rule that fits decides. */
export function accessLayer(lists: readonly AclSettings[], decided: (action: AclRule["action"]) => void): Layer {
  const known = lists.map(({ zones, rules }) => ({ isMine: inZones(zones), rules }));
  const decide = (request: Request): AclRule["action"] => {
    const client = parseIp(request.client?.address ?? "");
    for (const { isMine, rules } of known) {
      if (!isMine(request.name)) continue;
      const rule = rules.find((one) => applies(one, request.type, client));
      if (rule !== undefined) return rule.action;
    }
    return "allow";
  };
  return (next) => (request) => {
    // Names that an answer leads to are asked for by this server itself.
    if (request.aliases.length > 0) return next(request);
    const action = decide(request);
    decided(action);
    switch (action) {
      case "allow":
        return next(request);
      case "block":
        return blocked;
      case "filter":
        return empty;
      case "drop":
        return dropped;
    }
  };
}

function applies({ types, sources }: AclRule, type: number, client: Ip | undefined): boolean {
  if (types.length > 0 && !types.includes(type)) return false;
  return sources.length === 0 || (client !== undefined && contains(sources, client));
}

/** Whether an address is in one of the networks. */
export function contains(networks: readonly Cidr[], address: Ip): boolean {
  return networks.some((network) => cidrContains(network, address));
}
