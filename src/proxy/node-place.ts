import { parseCidr, parseIp } from "../core/index.ts";
import type { Cidr } from "../core/index.ts";
import type { PlanNode } from "../model/index.ts";
import { zoneLabel } from "../objects/index.ts";
import type { Node } from "../objects/index.ts";

/** What of a Node object the plans depend on. */
export interface NodeFacts {
  readonly place: PlanNode;
  readonly podCidrs: readonly Cidr[];
}

/** Reads a Node; without one only the name is known. */
export function nodeFacts(nodeName: string, node: Node | undefined): NodeFacts {
  const zone = node?.metadata.labels?.[zoneLabel];
  const addresses = (node?.status?.addresses ?? []).flatMap(({ address }) => parseIp(address) ?? []);
  const { podCIDR, podCIDRs } = node?.spec ?? {};
  const ranges = podCIDRs ?? (podCIDR === undefined ? [] : [podCIDR]);
  return {
    place: { nodeName, addresses, ...(zone === undefined || zone === "" ? {} : { zone }) },
    podCidrs: ranges.flatMap((text) => parseCidr(text) ?? []),
  };
}
