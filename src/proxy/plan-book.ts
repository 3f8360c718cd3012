import { parseCidr } from "../core/index.ts";
import type { Cidr } from "../core/index.ts";
import type { PlanNode, ServicePlan } from "../model/index.ts";
import { objectKey, serviceKeyOf, splitKey } from "../objects/index.ts";
import type { Cache, EndpointSlice, Node, Service, ServiceCIDR } from "../objects/index.ts";
import type { Change } from "./dirty-services.ts";
import { nodeFacts } from "./node-place.ts";
import { planOf } from "./planned-service.ts";
import type { DroppingPort, PlannedService, PlanOutline, PlanSource } from "./planned-service.ts";

/** The objects that a proxy follows. The slices' cache needs the index of `endpointSliceIndexers`. */
export interface ProxyCaches {
  readonly services: Cache<Service>;
  readonly endpointSlices: Cache<EndpointSlice>;
  readonly nodes: Cache<Node>;
  /** Where the ranges of the Services are known from, unless they are given. */
  readonly serviceCidrs?: Cache<ServiceCIDR>;
}

/** Who is told what changed. */
export interface PlanBookHandlers {
  readonly changed: (service: string, change: Change) => void;
  /** All plans may have changed. */
  readonly nodeChanged: () => void;
  /** The node's object is this now, whether that changes plans or not. */
  readonly nodeSeen: (node: Node | undefined) => void;
}

/** Annotation of an EndpointSlice: the time of the pod's or Service's change that led to it. */
const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

const endpointChange = { kind: "endpoint" } as const;

/** The time of a new change, in milliseconds since 1970. A slice that was there at the start tells of no change. */
function triggerTime(now: EndpointSlice, before: EndpointSlice | undefined): number | undefined {
  const text = now.metadata.annotations?.[triggerTimeAnnotation];
  if (text === undefined || text === before?.metadata.annotations?.[triggerTimeAnnotation]) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/**
 * Follows the caches: which Services changed since the last look, and the plans that the kernel carries out at present.
 */
export class PlanBook {
  readonly #caches: ProxyCaches;
  readonly #nodeName: string;
  readonly #applied = new Map<string, PlanSource>();
  /** Of the few Services that drop packets here. */
  readonly #dropping = new Map<string, readonly DroppingPort[]>();
  #facts;

  constructor(nodeName: string, caches: ProxyCaches) {
    this.#nodeName = nodeName;
    this.#caches = caches;
    this.#facts = nodeFacts(nodeName, undefined);
  }

  /** Calls `changed` with each Service whose plan may have changed, `nodeChanged` when all may have. */
  follow({ changed, nodeChanged, nodeSeen }: PlanBookHandlers): () => void {
    const { services, endpointSlices, nodes, serviceCidrs } = this.#caches;
    const stops = [
      ...(serviceCidrs === undefined ? [] : [serviceCidrs.subscribe(nodeChanged)]),
      services.subscribe((now, before) => {
        const service = now ?? before;
        if (service !== undefined) changed(objectKey(service), { kind: "service" });
      }),
      endpointSlices.subscribe((now, before) => {
        const key = now === undefined ? undefined : serviceKeyOf(now);
        const keyBefore = before === undefined ? undefined : serviceKeyOf(before);
        const triggeredAt = now === undefined ? undefined : triggerTime(now, before);
        const change = triggeredAt === undefined ? endpointChange : { ...endpointChange, triggeredAt };
        if (key !== undefined) changed(key, change);
        if (keyBefore !== undefined && keyBefore !== key) changed(keyBefore, change);
      }),
      nodes.subscribe((now, before) => {
        if ((now ?? before)?.metadata.name !== this.#nodeName) return;
        nodeSeen(now);
        const facts = nodeFacts(this.#nodeName, now);
        // A heartbeat changes nothing here.
        if (JSON.stringify(facts) === JSON.stringify(this.#facts)) return;
        this.#facts = facts;
        nodeChanged();
      }),
    ];
    return () => stops.forEach((stop) => stop());
  }

  async whenSynced(): Promise<void> {
    const caches = Object.values(this.#caches).filter((cache) => cache !== undefined);
    await Promise.all(caches.map((cache) => cache.whenSynced()));
  }

  get place(): PlanNode {
    return this.#facts.place;
  }

  /** The ranges of the Services, as the ServiceCIDR objects say. */
  get serviceCidrs(): readonly Cidr[] {
    const texts = this.#caches.serviceCidrs?.list().flatMap(({ spec }) => spec.cidrs ?? []) ?? [];
    return texts.flatMap((text) => parseCidr(text) ?? []);
  }

  /** The pods of this node, as its Node object says. */
  get podCidrs(): readonly Cidr[] {
    return this.#facts.podCidrs;
  }

  service(key: string): Service | undefined {
    const { namespace, name } = splitKey(key);
    return this.#caches.services.get(namespace, name);
  }

  /** The plan of a Service as the objects are now; empty when it is gone. */
  plan(key: string): PlannedService {
    const service = this.service(key);
    if (service === undefined) return planOf(undefined);
    const slices = this.#caches.endpointSlices.indexed("service", key);
    return planOf({ service, slices, node: this.#facts.place });
  }

  /** Every Service that is there or was applied. */
  allServices(): readonly string[] {
    return [...new Set([...this.#caches.services.list().map(objectKey), ...this.#applied.keys()])];
  }

  /** The plan that the kernel carries out. */
  applied(key: string): PlannedService {
    return planOf(this.#applied.get(key));
  }

  /** What the plan that the kernel carries out was made of; `undefined` when it carries out none. */
  appliedSource(key: string): PlanSource | undefined {
    return this.#applied.get(key);
  }

  setApplied(key: string, { source, dropping }: PlanOutline): void {
    if (source === undefined) this.#applied.delete(key);
    else this.#applied.set(key, source);
    if (dropping.length === 0) this.#dropping.delete(key);
    else this.#dropping.set(key, dropping);
  }

  /** How many Services the kernel carries out. */
  get appliedCount(): number {
    return this.#applied.size;
  }

  /** The plans that the kernel carries out of some Services, made one by one. */
  *appliedPorts(isWanted: (service: Service) => boolean): Generator<readonly ServicePlan[]> {
    for (const source of this.#applied.values()) if (isWanted(source.service)) yield planOf(source).ports;
  }

  /** The Service ports that drop packets here because all their endpoints are elsewhere. */
  *dropping(): Generator<DroppingPort> {
    for (const ports of this.#dropping.values()) yield* ports;
  }
}
