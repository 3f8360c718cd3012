import { fnv1a } from "../../core/index.ts";
import type { IpFamily, Port } from "../../core/index.ts";
import type { EmptyVerdict, Endpoint, ServicePlan } from "../../model/index.ts";
import { familyWords, parsePriority, priorityText } from "../nft/index.ts";
import { eachLineOf, ElementTextWriter, groupOf } from "./element-text.ts";
import type { ElementSet } from "./element-text.ts";
import { mostStickyEndpoints, pickOf, slotsOf } from "./scheduling.ts";
import { firstSlot, shapeName, stickyMaps } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { endpointNumbers } from "./sticky.ts";
import type { StickyNumbers } from "./sticky.ts";

type List = Shape["list"];

/** What a Service's elements depend on beside its plans. */
export interface PlanTextContext {
  readonly family: IpFamily;
  /** The text that the kernel has of this Service: slots and numbers stay where they are. */
  readonly before: string;
  readonly sticky: StickyNumbers;
  /** Is told of every chain that the elements go to. */
  readonly shape: (name: string, shape: Shape) => void;
}

/** The elements that carry out the plans of one Service in one family, as text. */
export function planText(plans: readonly ServicePlan[], context: PlanTextContext): string {
  const writer = new ElementTextWriter();
  for (const plan of plans) new PortWriter(plan, context, writer).write();
  return writer.text();
}

/** How comments name the port of a Service. */
export function portComment({ service, portName }: ServicePlan): string {
  return portName === "" ? service : `${service}:${portName}`;
}

/** What session affinity knows a port of a Service by. */
export function stickyPort(plan: ServicePlan): string {
  return `${portComment(plan)} ${plan.protocol}`;
}

class PortWriter {
  readonly #plan: ServicePlan;
  readonly #context: PlanTextContext;
  readonly #writer: ElementTextWriter;
  readonly #before: string;
  readonly #rest: string;
  /** The number that clients with affinity know the port by. */
  readonly #servicePart: number | undefined;
  readonly #lists = new Map<List, readonly string[]>();

  constructor(plan: ServicePlan, context: PlanTextContext, writer: ElementTextWriter) {
    this.#plan = plan;
    this.#context = context;
    this.#writer = writer;
    this.#before = context.before === "" ? "" : groupOf(context.before, portComment(plan));
    this.#rest = ` . ${plan.protocol.toLowerCase()} . `;
    this.#servicePart = plan.affinitySeconds === undefined ? undefined : context.sticky.of(stickyPort(plan));
  }

  write(): void {
    const plan = this.#plan;
    this.#writer.group(portComment(plan));
    this.#add("cluster-ips", plan.clusterIP, "", plan.service);
    this.#internal();
    for (const address of plan.loadBalancerIPs) this.#external(address, plan.port, "address");
    for (const address of plan.externalIPs) this.#external(address, plan.port, "address");
    if (plan.nodePort !== undefined) {
      this.#external(familyWords(plan.family).anyAddress, plan.nodePort, "node-port");
    }
    this.#sourceRanges();
    this.#hairpin();
    if (this.#servicePart !== undefined) this.#stickySlots(this.#servicePart);
  }

  #internal(): void {
    const plan = this.#plan;
    const key = this.#entry(plan.clusterIP, plan.port);
    const list = plan.internalTrafficPolicy === "Local" ? "local" : "cluster";
    if (plan[list].length === 0) return this.#empty(key, plan.whenInternalEmpty);
    this.#serve("services", key, list, "address", false);
  }

  #external(address: string, port: Port, entry: Shape["entry"]): void {
    const plan = this.#plan;
    const key = this.#entry(address, port);
    const local = plan.externalTrafficPolicy === "Local";
    if (plan[local ? "local" : "cluster"].length === 0) this.#empty(key, plan.whenExternalEmpty);
    if (plan.cluster.length === 0) return;
    if (!local) return this.#serve("services", key, "cluster", entry, true);
    if (!this.#add("services", key, `goto local-policy${entry === "node-port" ? "-node-port" : ""}`)) return;
    this.#serve("short-circuits", key, "cluster", entry, false);
    if (plan.local.length > 0) this.#serve("local-services", key, "local", entry, false);
  }

  /** Source ranges guard the load balancer's addresses only: never node ports or external IPs. */
  #sourceRanges(): void {
    const { sourceRanges, loadBalancerIPs, port } = this.#plan;
    if (sourceRanges === undefined) return;
    for (const address of loadBalancerIPs) {
      this.#add("guarded", this.#entry(address, port));
      for (const range of sourceRanges) this.#add("source-ranges", `${address} . ${range}${this.#rest}${port}`);
    }
  }

  /** A pod that reaches itself through its Service must see another source than itself, or it would answer directly. */
  #hairpin(): void {
    for (const { ip, port, targetRef } of this.#plan.onNode) {
      const pod = targetRef?.name === undefined ? "" : `${targetRef.namespace ?? ""}/${targetRef.name}`;
      this.#add("hairpin", `${ip} . ${ip}${this.#rest}${port}`, "", pod);
    }
  }

  #serve(set: ElementSet, key: string, list: List, entry: Shape["entry"], masquerade: boolean): void {
    const plan = this.#plan;
    const pick = pickOf(plan.scheduler);
    const slots = this.#slots(list);
    const shape: Shape = {
      slots: slots.length,
      pick,
      list,
      entry,
      masquerade,
      ...(this.#servicePart === undefined ? {} : { affinitySeconds: plan.affinitySeconds ?? 0 }),
      ...(pick === "turn" ? { owner: ownerText(plan) } : {}),
    };
    const name = shapeName(shape);
    this.#context.shape(name, shape);
    if (!this.#add(set, key, `goto ${name}`)) return;
    if (this.#servicePart !== undefined) {
      this.#add("sticky-services", key, priorityText(this.#servicePart));
      return;
    }
    const prefix = `${key} . ${(firstSlot[list] >>> 16).toString(16)}:`;
    for (const [i, address] of slots.entries()) this.#writer.addOwn("endpoints", prefix + i.toString(16), address);
  }

  #stickySlots(servicePart: number): void {
    const before = new Map<string, number>();
    for (const map of Object.values(stickyMaps)) {
      eachLineOf(this.#before, map, ({ key, value = "" }) => before.set(value, parsePriority(key)));
    }
    const addresses = [...this.#lists.values()].flat();
    const numbers = endpointNumbers(servicePart, addresses, before);
    for (const [list, slots] of this.#lists) {
      for (const [i, address] of slots.entries()) {
        const number = priorityText(numbers.get(address) ?? servicePart);
        this.#add("sticky-slots", `${priorityText(servicePart)} . ${firstSlot[list] + i}`, number);
        this.#add(stickyMaps[list], number, address);
      }
    }
  }

  /** All entries of a list have the same slots. */
  #slots(list: List): readonly string[] {
    const known = this.#lists.get(list);
    if (known !== undefined) return known;
    const { scheduler } = this.#plan;
    const slots = slotsOf(this.#endpoints(list), scheduler, this.#slotsBefore(list));
    this.#lists.set(list, slots);
    return slots;
  }

  #endpoints(list: List): readonly Endpoint[] {
    const endpoints = this.#plan[list];
    return this.#servicePart === undefined || endpoints.length <= mostStickyEndpoints
      ? endpoints
      : endpoints.slice(0, mostStickyEndpoints);
  }

  #slotsBefore(list: List): readonly string[] {
    if (this.#before === "") return [];
    const slots: (string | undefined)[] = [];
    const first = firstSlot[list];
    const put = (slot: number, address: string | undefined): void => {
      if (slot >= first && slot < first + 0x1_0000 && address !== undefined) slots[slot - first] ??= address;
    };
    eachLineOf(this.#before, "endpoints", ({ key, value }) => put(parsePriority(lastPart(key)), value));
    if (this.#servicePart !== undefined) {
      const addresses = new Map<string, string>();
      eachLineOf(this.#before, stickyMaps[list], ({ key, value = "" }) => addresses.set(key, value));
      eachLineOf(this.#before, "sticky-slots", ({ key, value = "" }) =>
        put(Number(lastPart(key)), addresses.get(value)),
      );
    }
    // A list of before is without gaps, or it is none.
    return slots.includes(undefined) ? [] : slots.filter((slot) => slot !== undefined);
  }

  #entry(address: string, port: Port): string {
    return `${address}${this.#rest}${port}`;
  }

  #empty(key: string, verdict: EmptyVerdict): void {
    this.#add("no-endpoints", key, verdict === "drop" ? "drop" : "goto refuse");
  }

  #add(set: ElementSet, key: string, value = "", comment = ""): boolean {
    return this.#writer.add(set, key, value, comment);
  }
}

function lastPart(key: string): string {
  return key.slice(key.lastIndexOf(" ") + 1);
}

/** A name of the Service's port for a chain: short enough for the kernel, and its own. */
function ownerText(plan: ServicePlan): string {
  const hash = fnv1a(stickyPort(plan)).toString(16).padStart(8, "0");
  return `${hash}-${plan.service.slice(0, 60)}`;
}
