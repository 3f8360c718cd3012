import { sameJson } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { managedByLabel, serviceNameLabel } from "../../objects/index.ts";
import type { Endpoint, EndpointPort, EndpointSlice, KubeObject, StringMap } from "../../objects/index.ts";
import { controllerReference } from "../pod-from-template.ts";
import { triggerTimeAnnotation } from "../trigger-time.ts";
import { portsKey } from "./endpoints-of-pods.ts";
import type { PortGroup } from "./endpoints-of-pods.ts";
import { endpointIdentity, sameEndpoint } from "./same-endpoint.ts";
import { withWeights } from "./slice-weights.ts";

/** The value of the managed-by label on slices that this controller writes. */
export const managedBy = "endpointslice-controller.k8s.io";
export const headlessLabel = "service.kubernetes.io/headless";
const reserved = new Set([serviceNameLabel, managedByLabel, headlessLabel]);

/** What to write so that the slices say what is desired. */
export interface SlicePlan {
  readonly create: readonly EndpointSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

export interface SliceInput {
  /** The Service, or the Endpoints that are mirrored. */
  readonly owner: KubeObject;
  readonly labels: StringMap;
  /** Annotations that every slice must have; others are left alone. */
  readonly annotations?: StringMap;
  readonly family: IpFamily;
  readonly groups: ReadonlyMap<string, PortGroup>;
  /** Whether an empty slice stands for no endpoints at all. */
  readonly placeholder: boolean;
  /** The slices of this owner and family that the controller manages. */
  readonly existing: readonly EndpointSlice[];
  readonly maxPerSlice: number;
  readonly triggerTime: string | undefined;
  /** Weights of addresses, where they are not 1; absent when weights do not matter. */
  readonly weights?: ReadonlyMap<string, number>;
}

/**
 * Packs endpoints into slices with as few writes as may be: endpoints stay where they are, new ones fill slices that
 * change anyway, then the fullest slice with room for all of them (or some, if none has that), then new slices. A Service without endpoints has
 * one empty slice in each family.
 */
export function planSlices(input: SliceInput): SlicePlan {
  const { owner, labels, annotations } = input;
  const create: EndpointSlice[] = [];
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const byPorts = new Map<string, EndpointSlice[]>();
  for (const slice of input.existing) {
    const key = portsKey(slice.ports);
    if (slice.metadata.deletionTimestamp !== undefined) continue;
    if (!isOwn(slice, owner) || (!input.groups.has(key) && !isPlaceholder(slice))) remove.push(slice);
    else byPorts.set(key, [...(byPorts.get(key) ?? []), slice]);
  }
  const blank = (ports: readonly EndpointPort[], endpoints: readonly Endpoint[]): EndpointSlice =>
    newSlice(input, ports, endpoints);
  const marked = (slice: EndpointSlice): boolean =>
    sameJson(slice.metadata.labels ?? {}, labels) &&
    Object.entries(annotations ?? {}).every(([key, value]) => slice.metadata.annotations?.[key] === value);
  const withMarks = (slice: EndpointSlice): EndpointSlice => ({
    ...slice,
    metadata: {
      ...slice.metadata,
      labels,
      ...(annotations === undefined ? {} : { annotations: { ...slice.metadata.annotations, ...annotations } }),
    },
  });

  for (const [key, group] of input.groups) {
    const packed = pack(group, byPorts.get(key) ?? [], input.maxPerSlice);
    byPorts.delete(key);
    remove.push(...packed.remove);
    for (const { slice, endpoints, changed } of packed.keep) {
      if (changed || !marked(slice)) update.push({ ...withMarks(slice), endpoints });
    }
    create.push(...packed.create.map((endpoints) => blank(group.ports, endpoints)));
  }
  const empty = input.placeholder && input.groups.size === 0;
  const placeholders = [...byPorts.values()].flat();
  const [kept, ...rest] = empty ? placeholders : [undefined, ...placeholders];
  remove.push(...rest.filter((slice) => slice !== undefined));
  if (kept !== undefined && !marked(kept)) update.push(withMarks(kept));
  if (empty && kept === undefined) create.push(blank([], []));
  const plan = reuse(create, update, remove, withMarks);
  const weighed = input.weights === undefined ? plan : withWeights(plan, input.existing, input.weights);
  return withTriggerTime(weighed, input.triggerTime);
}

interface Packed {
  readonly keep: readonly {
    readonly slice: EndpointSlice;
    readonly endpoints: readonly Endpoint[];
    readonly changed: boolean;
  }[];
  readonly remove: readonly EndpointSlice[];
  readonly create: readonly (readonly Endpoint[])[];
}

function pack(group: PortGroup, existing: readonly EndpointSlice[], maxPerSlice: number): Packed {
  const left = new Map(group.endpoints.map((endpoint) => [endpointIdentity(endpoint), endpoint]));
  const kept = existing.map((slice) => {
    const endpoints: Endpoint[] = [];
    let changed = false;
    for (const old of slice.endpoints ?? []) {
      const identity = endpointIdentity(old);
      const wanted = left.get(identity);
      left.delete(identity);
      if (wanted === undefined || !sameEndpoint(old, wanted)) changed = true;
      if (wanted !== undefined) endpoints.push(wanted);
    }
    return { slice, endpoints, changed };
  });
  const fresh = [...left.values()];
  const fill = (entry: { endpoints: Endpoint[]; changed: boolean }): void => {
    const taken = fresh.splice(0, Math.max(0, maxPerSlice - entry.endpoints.length));
    if (taken.length === 0) return;
    entry.endpoints.push(...taken);
    entry.changed = true;
  };
  const fullestFirst = [...kept].sort((a, b) => b.endpoints.length - a.endpoints.length);
  for (const entry of fullestFirst) if (entry.changed) fill(entry);
  const create: Endpoint[][] = [];
  while (fresh.length >= maxPerSlice) create.push(fresh.splice(0, maxPerSlice));
  if (fresh.length > 0) {
    // Where none has room for all, the fullest one is topped up: at most one slice is left half empty by growth.
    const open = fullestFirst.filter(({ changed, endpoints }) => !changed && endpoints.length < maxPerSlice);
    const fitting = open.find(({ endpoints }) => endpoints.length + fresh.length <= maxPerSlice) ?? open[0];
    if (fitting !== undefined) fill(fitting);
  }
  if (fresh.length > 0) create.push(fresh);
  return {
    keep: kept.filter(({ endpoints }) => endpoints.length > 0),
    remove: kept.filter(({ endpoints }) => endpoints.length === 0).map(({ slice }) => slice),
    create,
  };
}

/** A slice that would go takes the place of one that would come: one write instead of two. */
function reuse(
  create: EndpointSlice[],
  update: EndpointSlice[],
  remove: EndpointSlice[],
  withMarks: (slice: EndpointSlice) => EndpointSlice,
): SlicePlan {
  const gone: EndpointSlice[] = [];
  for (const slice of remove) {
    const owner = create[0]?.metadata.ownerReferences?.[0]?.uid;
    const sameOwner = slice.metadata.ownerReferences?.some(({ uid }) => uid === owner) ?? false;
    const next = sameOwner ? create.shift() : undefined;
    if (next === undefined) gone.push(slice);
    else update.push({ ...withMarks(slice), endpoints: next.endpoints, ports: next.ports ?? [] });
  }
  return { create, update, remove: gone };
}

function withTriggerTime(plan: SlicePlan, time: string | undefined): SlicePlan {
  const mark = (slice: EndpointSlice): EndpointSlice => {
    const { [triggerTimeAnnotation]: _old, ...others } = slice.metadata.annotations ?? {};
    const annotations = time === undefined ? others : { ...others, [triggerTimeAnnotation]: time };
    const { annotations: _all, ...metadata } = slice.metadata;
    return { ...slice, metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations } };
  };
  return { create: plan.create.map(mark), update: plan.update.map(mark), remove: plan.remove };
}

function isOwn(slice: EndpointSlice, owner: KubeObject): boolean {
  return slice.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid) ?? false;
}

function isPlaceholder(slice: EndpointSlice): boolean {
  return (slice.endpoints ?? []).length === 0 && (slice.ports ?? []).length === 0;
}

/** The owner's labels without those that mean something on slices, and these. */
export function sliceLabels(owner: KubeObject, serviceName: string, manager: string, headless: boolean): StringMap {
  const own = Object.entries(owner.metadata.labels ?? {}).filter(([key]) => !reserved.has(key));
  return {
    ...Object.fromEntries(own),
    [serviceNameLabel]: serviceName,
    [managedByLabel]: manager,
    ...(headless ? { [headlessLabel]: "" } : {}),
  };
}

function newSlice(input: SliceInput, ports: readonly EndpointPort[], endpoints: readonly Endpoint[]): EndpointSlice {
  const { owner, labels, annotations, family } = input;
  const { namespace, name } = owner.metadata;
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "",
      generateName: `${name.slice(0, 57)}-`,
      ...(namespace === undefined ? {} : { namespace }),
      labels,
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    addressType: family,
    endpoints,
    ports,
  };
}
