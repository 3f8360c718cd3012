import type { Port } from "../../core/index.ts";
import type { EmptyVerdict, ServicePlan } from "../../model/index.ts";
import { familyWords } from "../nft/index.ts";
import type { SetName } from "./layout.ts";

/** One entry of a set or map, its key and value in nft's words. */
export interface ServiceElement {
  readonly set: SetName;
  readonly key: string;
  readonly value?: string;
  /** Shown by `nft list`: names the Service. */
  readonly comment?: string;
}

/**
 * The elements that send one plan's clients to the relay, or refuse them. They do not depend on which endpoints there are,
 * only on whether there are any, so that most changes of endpoints change nothing in the kernel.
 */
export function planElements(plan: ServicePlan): readonly ServiceElement[] {
  const comment = plan.portName === "" ? plan.service : `${plan.service}:${plan.portName}`;
  const elements: ServiceElement[] = [{ set: "cluster-ips", key: plan.clusterIP, comment: plan.service }];
  const add = (set: SetName, key: string, value?: string): void =>
    void elements.push({ set, key, ...(value === undefined ? {} : { value }), comment });
  const internal = keyOf(plan, plan.clusterIP, plan.port);
  addInternal(plan, internal, add);
  for (const address of plan.loadBalancerIPs) addExternal(plan, keyOf(plan, address, plan.port), add);
  for (const address of plan.externalIPs) addExternal(plan, keyOf(plan, address, plan.port), add);
  if (plan.nodePort !== undefined)
    addExternal(plan, keyOf(plan, familyWords(plan.family).anyAddress, plan.nodePort), add);
  addSourceRanges(plan, add);
  return elements;
}

type Add = (set: SetName, key: string, value?: string) => void;

function addInternal(plan: ServicePlan, key: string, add: Add): void {
  const isLocal = plan.internalTrafficPolicy === "Local";
  if (plan.protocol === "SCTP") add("no-endpoints", key, emptyVerdict("reject"));
  else if ((isLocal ? plan.local : plan.cluster).length === 0) {
    add("no-endpoints", key, emptyVerdict(plan.whenInternalEmpty));
  } else add("services", key, isLocal ? "goto relay-local" : "goto relay");
}

function addExternal(plan: ServicePlan, key: string, add: Add): void {
  if (plan.protocol === "SCTP") return add("no-endpoints", key, emptyVerdict("reject"));
  const isLocal = plan.externalTrafficPolicy === "Local";
  const isEmpty = (isLocal ? plan.local : plan.cluster).length === 0;
  if (!isLocal) {
    if (!isEmpty) add("services", key, "goto relay");
  } else if (plan.cluster.length > 0) add("services", key, isEmpty ? "goto own-only" : "goto local-policy");
  else if (!isEmpty) add("services", key, "goto relay-local");
  if (isEmpty) add("no-endpoints", key, emptyVerdict(plan.whenExternalEmpty));
}

/** Source ranges guard the load balancer's addresses only: never node ports or external IPs. */
function addSourceRanges({ sourceRanges, loadBalancerIPs, protocol, port }: ServicePlan, add: Add): void {
  if (sourceRanges === undefined) return;
  const rest = `${protocol.toLowerCase()} . ${port}`;
  for (const address of loadBalancerIPs) {
    add("guarded", `${address} . ${rest}`);
    for (const range of sourceRanges) add("source-ranges", `${address} . ${range} . ${rest}`);
  }
}

function emptyVerdict(verdict: EmptyVerdict): string {
  return verdict === "drop" ? "drop" : "goto refuse";
}

function keyOf({ protocol }: ServicePlan, address: string, port: Port): string {
  return `${address} . ${protocol.toLowerCase()} . ${port}`;
}
