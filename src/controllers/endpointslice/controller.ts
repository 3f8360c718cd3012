import type { IpFamily } from "../../core/index.ts";
import {
  isHeadless,
  isNodeReady,
  managedByLabel,
  objectKey,
  serviceNameLabel,
  splitKey,
  zoneLabel,
} from "../../objects/index.ts";
import type { EndpointSlice, Node, Pod, Service } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { createExpectations } from "../expectations.ts";
import { hasSelector, podsOfService, watchServicePods } from "../service-pods.ts";
import { TriggerTimes } from "../trigger-time.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { endpointsOfPods } from "./endpoints-of-pods.ts";
import { hintPolicy, withHints } from "./hints.ts";
import { managedBy, planSlices, sliceLabels } from "./plan.ts";
import type { SlicePlan } from "./plan.ts";
import { weightProblemText } from "./weight-problems.ts";
import { writeSlices } from "./write-slices.ts";

/** Endpoints in one slice at most, unless told otherwise. */
const defaultMaxPerSlice = 100;

/** Writes the EndpointSlices of Services that have a selector. */
export function startEndpointSliceController(
  context: ControllerContext,
  options: { readonly maxEndpointsPerSlice?: number } = {},
): RunningController {
  const { api, caches, recorder, clock } = context;
  const { services, pods, nodes, endpointSlices } = caches;
  const maxPerSlice = options.maxEndpointsPerSlice ?? defaultMaxPerSlice;
  const expectations = createExpectations(clock);
  const triggerTimes = new TriggerTimes();
  /** Services in mode Auto, with the last reason for no hints: any node may change their hints. */
  const auto = new Map<string, string | undefined>();
  const badWeights = new Map<string, string>();

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const service = services.get(namespace, name);
    if (service === undefined) {
      expectations.forget(key);
      triggerTimes.forget(key);
      badWeights.delete(key);
      return void auto.delete(key);
    }
    if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return;
    const behind = expectations.waitMs(key);
    if (behind > 0) return { againAfterMs: behind };
    const selected = podsOfService(pods, service);
    const triggerTime = triggerTimes.next(key, service, selected);
    const existing = endpointSlices.indexed("service", key).filter(isManaged);
    const families: readonly IpFamily[] = service.spec.ipFamilies ?? ["IPv4"];
    const labels = sliceLabels(service, name, managedBy, isHeadless(service));
    const missing: Pod[] = [];
    const problems = new Set<string>();
    for (const family of families) {
      const desired = endpointsOfPods(service, family, selected, (node) => nodes.get(undefined, node));
      missing.push(...desired.withoutNode.filter(({ spec }) => spec.nodeName !== undefined));
      const ofFamily = existing.filter(({ addressType }) => addressType === family);
      const groups = hinted(key, service, family, desired.groups);
      const plan = planSlices({
        owner: service,
        labels,
        family,
        groups,
        existing: ofFamily,
        placeholder: true,
        maxPerSlice,
        triggerTime,
        weights: desired.weights,
      });
      for (const problem of desired.problems) problems.add(problem);
      await write(key, plan);
    }
    reportWeights(key, service, [...problems]);
    const foreign = existing.filter(({ addressType }) => !families.some((family) => family === addressType));
    await write(key, { create: [], update: [], remove: foreign });
    const names = missing.map(({ spec }) => spec.nodeName).join(", ");
    if (missing.length > 0) throw new Error(`Pods of Service ${key} run on nodes that are not known yet: ${names}`);
  };

  /** Says what is wrong with weights, once until it is something else. */
  const reportWeights = (key: string, service: Service, problems: readonly string[]): void => {
    const text = weightProblemText(problems);
    if (text === (badWeights.get(key) ?? "")) return;
    if (text === "") badWeights.delete(key);
    else badWeights.set(key, text);
    if (text !== "") recorder.record(service, "Warning", "InvalidWeight", text);
  };

  const write = (key: string, plan: SlicePlan): Promise<void> =>
    writeSlices(api, endpointSlices, expectations, key, plan);

  const hinted = (
    key: string,
    service: Service,
    family: IpFamily,
    groups: ReturnType<typeof endpointsOfPods>["groups"],
  ) => {
    const policy = hintPolicy(service);
    const result = withHints(groups, policy, () => nodes.list());
    if (policy !== "auto") {
      auto.delete(key);
      return result.groups;
    }
    const known = auto.has(key);
    const before = auto.get(key);
    auto.set(key, result.disabled);
    if (known && before === result.disabled) return result.groups;
    if (result.disabled === undefined) {
      const message = `Topology Aware Hints has been enabled, addressType: ${family}`;
      recorder.record(service, "Normal", "TopologyAwareHintsEnabled", message);
    } else {
      const message = `${result.disabled}, addressType: ${family}`;
      recorder.record(service, "Warning", "TopologyAwareHintsDisabled", message);
    }
    return result.groups;
  };

  return runController(context, {
    name: "endpointslice",
    // Pods of a rollout become ready one by one: each slice is sent to every node, whole.
    restMs: 20,
    needs: [services, pods, nodes, endpointSlices],
    reconcile,
    watch: (queue) => {
      // Slices first, so that what was written is known before a pod's change asks for more.
      const slices = endpointSlices.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
        const changed = now ?? before;
        const service = changed?.metadata.labels?.[serviceNameLabel];
        if (changed !== undefined && service !== undefined && isManaged(changed)) {
          queue.add(`${changed.metadata.namespace ?? ""}/${service}`);
        }
      });
      const { index, subscriptions } = watchServicePods(services, pods, queue);
      const nodeChanges = nodes.subscribe((now, before) => {
        if (now !== undefined && before !== undefined && sameForSlices(now, before)) return;
        const node = now ?? before;
        for (const key of auto.keys()) queue.add(key);
        for (const pod of pods.indexed("node", node?.metadata.name ?? "")) {
          for (const key of index.matching(pod.metadata.namespace ?? "", pod.metadata.labels)) queue.add(key);
        }
      });
      // A deleted Service leaves its slices to the garbage collector.
      const deletions = services.subscribe((now, before) => {
        if (now === undefined && before !== undefined) queue.add(objectKey(before));
      });
      return [slices, ...subscriptions, nodeChanges, deletions];
    },
  });
}

function isManaged(slice: EndpointSlice): boolean {
  return slice.metadata.labels?.[managedByLabel] === managedBy;
}

function sameForSlices(a: Node, b: Node): boolean {
  return (
    isNodeReady(a) === isNodeReady(b) &&
    a.metadata.labels?.[zoneLabel] === b.metadata.labels?.[zoneLabel] &&
    a.status?.allocatable?.["cpu"] === b.status?.allocatable?.["cpu"]
  );
}
