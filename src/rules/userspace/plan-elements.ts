import type { Port } from "../../core/index.ts";
import type { EmptyVerdict, ServicePlan } from "../../model/index.ts";
import { anyAddress } from "./statement.ts";
import type { Element } from "./statement.ts";

/**
 * The elements that send one plan's clients to the relay, or refuse them. They do not depend on which endpoints there are,
 * only on whether there are any, so that most changes of endpoints change nothing in the kernel.
 */
export function planElements(plan: ServicePlan): readonly Element[] {
  const comment = plan.portName === "" ? plan.service : `${plan.service}:${plan.portName}`;
  const external = [
    ...[...plan.loadBalancerIPs, ...plan.externalIPs].map((address) => keyOf(plan, address, plan.port)),
    ...(plan.nodePort === undefined ? [] : [keyOf(plan, anyAddress(plan.family), plan.nodePort)]),
  ];
  return [
    { set: "cluster-ips", key: plan.clusterIP, comment: plan.service },
    { ...internalElement(plan, keyOf(plan, plan.clusterIP, plan.port)), comment },
    ...external.flatMap((key) => externalElements(plan, key).map((element) => ({ ...element, comment }))),
    ...sourceRangeElements(plan).map((element) => ({ ...element, comment })),
  ];
}

function internalElement(plan: ServicePlan, key: string): Element {
  if (plan.protocol === "SCTP") return empty(key, "reject");
  const isLocal = plan.internalTrafficPolicy === "Local";
  if ((isLocal ? plan.local : plan.cluster).length === 0) return empty(key, plan.whenInternalEmpty);
  return { set: "services", key, value: `goto ${isLocal ? "relay-local" : "relay"}` };
}

function externalElements(plan: ServicePlan, key: string): readonly Element[] {
  if (plan.protocol === "SCTP") return [empty(key, "reject")];
  const isLocal = plan.externalTrafficPolicy === "Local";
  const isEmpty = (isLocal ? plan.local : plan.cluster).length === 0;
  const verdict = isEmpty ? [empty(key, plan.whenExternalEmpty)] : [];
  if (!isLocal) return isEmpty ? verdict : [{ set: "services", key, value: "goto relay" }];
  if (plan.cluster.length === 0) {
    return isEmpty ? verdict : [{ set: "services", key, value: "goto relay-local" }];
  }
  return [{ set: "services", key, value: `goto ${isEmpty ? "own-only" : "local-policy"}` }, ...verdict];
}

/** Source ranges guard the load balancer's addresses only: never node ports or external IPs. */
function sourceRangeElements({ sourceRanges, loadBalancerIPs, protocol, port }: ServicePlan): readonly Element[] {
  if (sourceRanges === undefined) return [];
  const rest = `${protocol.toLowerCase()} . ${port}`;
  return loadBalancerIPs.flatMap((address) => [
    { set: "guarded" as const, key: `${address} . ${rest}` },
    ...sourceRanges.map((range) => ({ set: "source-ranges" as const, key: `${address} . ${range} . ${rest}` })),
  ]);
}

function empty(key: string, verdict: EmptyVerdict): Element {
  return { set: "no-endpoints", key, value: verdict === "drop" ? "drop" : "goto refuse" };
}

function keyOf({ protocol }: ServicePlan, address: string, port: Port): string {
  return `${address} . ${protocol.toLowerCase()} . ${port}`;
}
