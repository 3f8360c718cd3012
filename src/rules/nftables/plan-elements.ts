import { fnv1a } from "../../core/index.ts";
import type { Ip, Port } from "../../core/index.ts";
import type { EmptyVerdict, Endpoint, ServicePlan } from "../../model/index.ts";
import { familyWords } from "./family-words.ts";
import { firstSlot, shapeName } from "./shape.ts";
import type { Shape } from "./shape.ts";
import type { Element } from "./statement.ts";

/** An element that needs the chain of a shape, or none. */
export interface PlannedElement extends Element {
  readonly shape?: Shape;
}

/** The elements that carry out one plan. */
export function planElements(plan: ServicePlan): readonly PlannedElement[] {
  const elements: PlannedElement[] = [{ set: "cluster-ips", key: plan.clusterIP, comment: plan.service }];
  const comment = plan.portName === "" ? plan.service : `${plan.service}:${plan.portName}`;
  const writer = new EntryWriter(plan, comment, elements);
  writer.internal(plan.clusterIP);
  for (const address of [...plan.loadBalancerIPs, ...plan.externalIPs]) writer.external(address, plan.port, "address");
  if (plan.nodePort !== undefined) {
    writer.external(familyWords(plan.family).anyAddress, plan.nodePort, "node-port");
  }
  writer.sourceRanges();
  hairpin(plan, elements);
  return elements;
}

class EntryWriter {
  readonly #plan: ServicePlan;
  readonly #comment: string;
  readonly #elements: PlannedElement[];

  constructor(plan: ServicePlan, comment: string, elements: PlannedElement[]) {
    this.#plan = plan;
    this.#comment = comment;
    this.#elements = elements;
  }

  internal(address: Ip): void {
    const plan = this.#plan;
    const key = this.#entry(address, plan.port);
    const local = plan.internalTrafficPolicy === "Local";
    const slots = local ? plan.local : plan.cluster;
    if (slots.length === 0) return this.#empty(key, plan.whenInternalEmpty);
    const shape = this.#shape(slots, local ? "local" : "cluster", "address", false);
    this.#verdict("services", key, shape);
    this.#slots(key, slots, shape);
  }

  external(address: string, port: Port, entry: "address" | "node-port"): void {
    const plan = this.#plan;
    const key = this.#entry(address, port);
    const local = plan.externalTrafficPolicy === "Local";
    if ((local ? plan.local : plan.cluster).length === 0) this.#empty(key, plan.whenExternalEmpty);
    if (plan.cluster.length === 0) return;
    const cluster = this.#shape(plan.cluster, "cluster", entry, !local);
    this.#slots(key, plan.cluster, cluster);
    if (!local) return this.#verdict("services", key, cluster);
    this.#add("services", key, `goto local-policy${entry === "node-port" ? "-node-port" : ""}`);
    this.#verdict("short-circuits", key, cluster);
    if (plan.local.length === 0) return;
    const shape = this.#shape(plan.local, "local", entry, false);
    this.#verdict("local-services", key, shape);
    this.#slots(key, plan.local, shape);
  }

  /** Source ranges guard the load balancer's addresses only: never node ports or external IPs. */
  sourceRanges(): void {
    const { sourceRanges, loadBalancerIPs, port } = this.#plan;
    if (sourceRanges === undefined) return;
    for (const address of loadBalancerIPs) {
      const key = this.#entry(address, port);
      this.#add("guarded", key);
      const rest = key.slice(address.length);
      for (const range of sourceRanges) this.#add("source-ranges", `${address} . ${range}${rest}`);
    }
  }

  #entry(address: string, port: Port): string {
    return `${address} . ${this.#plan.protocol.toLowerCase()} . ${port}`;
  }

  #shape(slots: readonly Endpoint[], list: Shape["list"], entry: Shape["entry"], masquerade: boolean): Shape {
    const { affinitySeconds } = this.#plan;
    const sticky = affinitySeconds === undefined ? {} : { affinitySeconds };
    return { slots: slots.length, list, entry, masquerade, ...sticky };
  }

  #slots(key: string, endpoints: readonly Endpoint[], { list, affinitySeconds }: Shape): void {
    const first = firstSlot[list];
    if (affinitySeconds === undefined || this.#plan.family === "IPv6") {
      for (const [i, endpoint] of endpoints.entries()) {
        this.#add("endpoints", `${key} . ${numberText(first + i)}`, addressOf(endpoint));
      }
      return;
    }
    const ids = endpointIds(endpoints, list);
    for (const [i, endpoint] of endpoints.entries()) {
      this.#add("sticky-ids", `${key} . ${first + i}`, numberText(ids.get(addressOf(endpoint)) ?? 0));
    }
    for (const [address, id] of ids) this.#add("endpoints", `${key} . ${numberText(id)}`, address);
  }

  #empty(key: string, verdict: EmptyVerdict): void {
    this.#add("no-endpoints", key, verdict === "drop" ? "drop" : "goto refuse");
  }

  #verdict(set: string, key: string, shape: Shape): void {
    this.#elements.push({ set, key, value: `goto ${shapeName(shape)}`, comment: this.#comment, shape });
  }

  #add(set: string, key: string, value?: string): void {
    this.#elements.push({ set, key, comment: this.#comment, ...(value === undefined ? {} : { value }) });
  }
}

/** The number as nft writes priorities: two halves in hexadecimal. */
function numberText(value: number): string {
  return `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

function addressOf({ ip, port }: Endpoint): string {
  return `${ip} . ${port}`;
}

/**
 * Numbers that stay with their endpoint while others come and go, also over a restart: hashes of the address. The low
 * four bits are zero, so that they mean nothing to queues that look at a packet's priority; the two lists have ids of
 * their own, so that a client of one never finds an endpoint of the other.
 */
export function endpointIds(endpoints: readonly Endpoint[], list: Shape["list"]): ReadonlyMap<string, number> {
  const base = list === "local" ? 0x2000_0000 : 0x1000_0000;
  const ids = new Map<string, number>();
  const taken = new Set<number>();
  for (const endpoint of endpoints) {
    const address = addressOf(endpoint);
    if (ids.has(address)) continue;
    let offset = fnv1a(address) & 0xff_fff0;
    while (taken.has(offset)) offset = (offset + 16) & 0xff_fff0;
    taken.add(offset);
    ids.set(address, base + offset);
  }
  return ids;
}

/** A pod that reaches itself through its Service must see another source than itself, or it would answer directly. */
function hairpin({ onNode, protocol }: ServicePlan, elements: PlannedElement[]): void {
  for (const { ip, port, targetRef } of onNode) {
    const name = targetRef?.name === undefined ? undefined : `${targetRef.namespace ?? ""}/${targetRef.name}`;
    elements.push({
      set: "hairpin",
      key: `${ip} . ${ip} . ${protocol.toLowerCase()} . ${port}`,
      ...(name === undefined ? {} : { comment: name }),
    });
  }
}
