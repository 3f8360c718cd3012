import { sameJson } from "../core/index.ts";
import { matchesLabels, objectKey } from "../objects/index.ts";
import type { Cache, Pod, Service } from "../objects/index.ts";
import { sameWeight } from "./endpointslice/pod-weight.ts";
import { labelValue } from "./cache-specs.ts";
import { SelectorIndex } from "./selector-index.ts";
import type { WorkQueue } from "./work-queue.ts";

/** Whether endpoints of this Service are found by its selector. */
export function hasSelector(service: Service): boolean {
  return service.spec.type !== "ExternalName" && Object.keys(service.spec.selector ?? {}).length > 0;
}

/** The pods that a Service selects, found by its rarest label. */
export function podsOfService(pods: Cache<Pod>, service: Service): readonly Pod[] {
  const { namespace } = service.metadata;
  const selector = service.spec.selector ?? {};
  let fewest: readonly Pod[] | undefined;
  for (const [key, value] of Object.entries(selector)) {
    const found = pods.indexed("label", labelValue(namespace, key, value));
    if (fewest === undefined || found.length < fewest.length) fewest = found;
    if (fewest.length === 0) return [];
  }
  return (fewest ?? []).filter((pod) => matchesLabels(selector, pod.metadata.labels));
}

/**
 * Adds the key of every Service whose endpoints a change may concern: the Service itself, and those that select a
 * pod before or after it changed. Returns how to stop, and the index for other triggers.
 */
export function watchServicePods(
  services: Cache<Service>,
  pods: Cache<Pod>,
  queue: WorkQueue,
): { readonly index: SelectorIndex; readonly subscriptions: readonly (() => void)[] } {
  const index = new SelectorIndex();
  const select = (pod: Pod): void => {
    for (const key of index.matching(pod.metadata.namespace ?? "", pod.metadata.labels)) queue.add(key);
  };
  const subscriptions = [
    services.subscribe((now, before) => {
      const service = now ?? before;
      if (service === undefined) return;
      const key = objectKey(service);
      if (now === undefined) index.delete(key);
      else index.set(key, now.metadata.namespace ?? "", hasSelector(now) ? now.spec.selector : undefined);
      // A new status (an address given) changes no endpoints.
      if (now === undefined || before === undefined || !sameForEndpoints(now, before)) queue.add(key);
    }),
    pods.subscribe((now, before) => {
      if (now !== undefined && before !== undefined && !matters(now, before)) return;
      if (now !== undefined) select(now);
      if (before !== undefined && (now === undefined || now.metadata.labels !== before.metadata.labels)) select(before);
    }),
  ];
  return { index, subscriptions };
}

function sameForEndpoints(a: Service, b: Service): boolean {
  return (
    sameJson(a.spec, b.spec) &&
    sameJson(a.metadata.labels, b.metadata.labels) &&
    sameJson(a.metadata.annotations, b.metadata.annotations) &&
    a.metadata.uid === b.metadata.uid &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp
  );
}

/** Whether a change of a pod can change its endpoint. */
function matters(now: Pod, before: Pod): boolean {
  const ready = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === "Ready");
  return (
    ready(now)?.status !== ready(before)?.status ||
    now.metadata.deletionTimestamp !== before.metadata.deletionTimestamp ||
    now.spec.nodeName !== before.spec.nodeName ||
    now.spec.hostname !== before.spec.hostname ||
    now.spec.subdomain !== before.spec.subdomain ||
    now.status?.phase !== before.status?.phase ||
    now.status?.podIP !== before.status?.podIP ||
    !sameJson(now.status?.podIPs, before.status?.podIPs) ||
    !sameJson(now.metadata.labels, before.metadata.labels) ||
    !sameWeight(now, before)
  );
}
