import { messageOf, sameJson } from "../../core/index.ts";
import {
  controllerOf,
  isNodeReady,
  keyOf,
  matchesSelector,
  objectKey,
  resources,
  splitKey,
} from "../../objects/index.ts";
import type { DaemonSet, Pod } from "../../objects/index.ts";
import { claim } from "../adoption.ts";
import { inGrowingBatches } from "../batches.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { createExpectations } from "../expectations.ts";
import { nextAvailability } from "../pod-availability.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import {
  planHistory,
  planRevision,
  removeRevisions,
  revisionHash,
  revisionHashLabel,
  writeRevision,
} from "../revision-history.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { daemonTolerations, planDaemonSet } from "./plan.ts";

/** Keeps one pod of each DaemonSet on every node that takes it. */
export function startDaemonSetController(context: ControllerContext): RunningController {
  const { api, caches, recorder, clock } = context;
  const { daemonSets, pods, nodes, controllerRevisions } = caches;
  const expectations = createExpectations(clock);

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const set = daemonSets.get(namespace, name);
    if (set === undefined) return expectations.forget(key);
    const behind = expectations.waitMs(key);
    if (behind > 0) return { againAfterMs: behind };
    if (set.metadata.deletionTimestamp !== undefined) return;
    const { selector } = set.spec;
    const owned = await claim(api, resources.pods, pods, set, (pod) => matchesSelector(selector, pod.metadata.labels));
    const revisions = await claim(api, resources.controllerRevisions, controllerRevisions, set, (revision) =>
      matchesSelector(selector, revision.metadata.labels),
    );
    const newest = await writeRevision(
      api,
      planRevision(set, set.spec.template, revisions, set.status?.collisionCount),
    );
    if (newest === undefined) return countCollision(set);
    expectations.written(key, newest, controllerRevisions.get(namespace, newest.metadata.name));
    const now = clock.now();
    const revision = revisionHash(newest);
    const plan = planDaemonSet({ set, pods: owned, nodes: nodes.list(), revision }, now);
    try {
      await inGrowingBatches(plan.create.length, (index) => create(key, set, plan.create[index] ?? "", revision));
    } finally {
      await Promise.all(plan.remove.map((pod) => remove(key, set, pod)));
    }
    if (!sameJson(set.status, plan.status)) {
      await unlessGone(api.updateStatus(resources.daemonSets, { ...set, status: plan.status }));
    }
    const hashes = new Set(owned.map((pod) => pod.metadata.labels?.[revisionHashLabel]));
    const inUse = revisions.filter((candidate) => candidate === newest || hashes.has(revisionHash(candidate)));
    const used = new Set([newest, ...inUse].map(({ metadata }) => metadata.name));
    await removeRevisions(api, planHistory(revisions, used, set.spec.revisionHistoryLimit ?? 10));
    const next = nextAvailability(owned, set.spec.minReadySeconds ?? 0, now);
    if (next !== undefined) return { againAfterMs: next };
  };

  const countCollision = async (set: DaemonSet): Promise<void> => {
    const none = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
    const status = { ...(set.status ?? none), collisionCount: (set.status?.collisionCount ?? 0) + 1 };
    await api.updateStatus(resources.daemonSets, { ...set, status });
  };

  const seen = (pod: Pod): Pod | undefined => pods.get(pod.metadata.namespace, pod.metadata.name);

  const create = async (key: string, set: DaemonSet, nodeName: string, revision: string): Promise<void> => {
    const { template } = set.spec;
    const tolerations = [...(template.spec.tolerations ?? []), ...daemonTolerations];
    const pod = podFromTemplate(set, template, {
      labels: { [revisionHashLabel]: revision },
      spec: { nodeName, tolerations },
    });
    try {
      const created = await api.create(resources.pods, pod);
      expectations.written(key, created, seen(created));
      recorder.record(set, "Normal", "SuccessfulCreate", `Created pod: ${created.metadata.name}`);
    } catch (error) {
      recorder.record(set, "Warning", "FailedCreate", `Error creating: ${messageOf(error)}`);
      throw error;
    }
  };

  const remove = async (key: string, set: DaemonSet, pod: Pod): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    await unlessGone(api.delete(resources.pods, namespace, name, uid === undefined ? {} : { uid }));
    expectations.deleted(key, pod, seen(pod));
    recorder.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  };

  return runController(context, {
    name: "daemonset",
    needs: [daemonSets, pods, nodes, controllerRevisions],
    reconcile,
    watch: (queue) => [
      controllerRevisions.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
      }),
      daemonSets.subscribe((now) => void (now === undefined || queue.add(objectKey(now)))),
      pods.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
        for (const pod of [now, before]) {
          const owner = pod === undefined ? undefined : controllerOf(pod);
          if (pod !== undefined && owner?.kind === "DaemonSet") queue.add(keyOf(pod.metadata.namespace, owner.name));
        }
        if (now === undefined || controllerOf(now) !== undefined) return;
        for (const set of daemonSets.list(now.metadata.namespace)) {
          if (matchesSelector(set.spec.selector, now.metadata.labels)) queue.add(objectKey(set));
        }
      }),
      nodes.subscribe((now, before) => {
        const unchanged =
          now !== undefined &&
          before !== undefined &&
          isNodeReady(now) === isNodeReady(before) &&
          sameJson(now.spec, before.spec) &&
          sameJson(now.metadata.labels, before.metadata.labels);
        if (!unchanged) for (const set of daemonSets.list()) queue.add(objectKey(set));
      }),
    ],
  });
}
