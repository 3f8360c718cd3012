import { messageOf, sameJson } from "../../core/index.ts";
import {
  controllerOf,
  isAlreadyExists,
  keyOf,
  matchesSelector,
  objectKey,
  resources,
  splitKey,
} from "../../objects/index.ts";
import type { ControllerRevision, Pod, PodTemplate, StatefulSet } from "../../objects/index.ts";
import { claim } from "../adoption.ts";
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
  templateOf,
  writeRevision,
} from "../revision-history.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { ordinalOf, planStatefulSet, podRevision, statefulSetStatus } from "./plan.ts";
import type { StatefulSetStep } from "./plan.ts";

/** Keeps the numbered pods of StatefulSets. */
export function startStatefulSetController(context: ControllerContext): RunningController {
  const { api, caches, recorder, clock } = context;
  const { statefulSets, pods, controllerRevisions } = caches;
  const expectations = createExpectations(clock);

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const set = statefulSets.get(namespace, name);
    if (set === undefined) return expectations.forget(key);
    const behind = expectations.waitMs(key);
    if (behind > 0) return { againAfterMs: behind };
    const { selector } = set.spec;
    const owned = await claim(
      api,
      resources.pods,
      pods,
      set,
      (pod) => ordinalOf(set, pod) !== undefined && matchesSelector(selector, pod.metadata.labels),
    );
    const revisions = await claim(api, resources.controllerRevisions, controllerRevisions, set, (revision) =>
      matchesSelector(selector, revision.metadata.labels),
    );
    const update = await writeRevision(
      api,
      planRevision(set, set.spec.template, revisions, set.status?.collisionCount),
    );
    if (update === undefined) return countCollision(set);
    expectations.written(key, update, controllerRevisions.get(namespace, update.metadata.name));
    const current = revisions.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? update;
    const view = { set, pods: owned, currentRevision: revisionHash(current), updateRevision: revisionHash(update) };
    const now = clock.now();
    const leaves = set.metadata.deletionTimestamp !== undefined;
    const steps = leaves ? [] : planStatefulSet(view, now);
    const outcomes = await Promise.allSettled(steps.map((step) => carryOut(key, set, step, [current, update])));
    const names = { current: current.metadata.name, update: update.metadata.name };
    const status = statefulSetStatus(view, names, now);
    if (!sameJson(set.status, status)) await unlessGone(api.updateStatus(resources.statefulSets, { ...set, status }));
    const hashes = new Set(owned.map(podRevision));
    const used = new Set([
      ...Object.values(names),
      ...revisions.filter((revision) => hashes.has(revisionHash(revision))).map(({ metadata }) => metadata.name),
    ]);
    if (!leaves) await removeRevisions(api, planHistory(revisions, used, set.spec.revisionHistoryLimit ?? 10));
    // Only now, so that the status also tells of a set whose pods are refused.
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    const next = nextAvailability(owned, set.spec.minReadySeconds ?? 0, now);
    if (next !== undefined) return { againAfterMs: next };
  };

  const countCollision = async (set: StatefulSet): Promise<void> => {
    const status = { ...(set.status ?? { replicas: 0 }), collisionCount: (set.status?.collisionCount ?? 0) + 1 };
    await api.updateStatus(resources.statefulSets, { ...set, status });
  };

  const seen = (pod: Pod): Pod | undefined => pods.get(pod.metadata.namespace, pod.metadata.name);

  const carryOut = async (
    key: string,
    set: StatefulSet,
    step: StatefulSetStep,
    revisions: readonly ControllerRevision[],
  ): Promise<void> => {
    if (step.kind === "delete") {
      const { namespace, name, uid } = step.pod.metadata;
      await unlessGone(api.delete(resources.pods, namespace, name, uid === undefined ? {} : { uid }));
      expectations.deleted(key, step.pod, seen(step.pod));
      recorder.record(
        set,
        "Normal",
        "SuccessfulDelete",
        `delete Pod ${name} in StatefulSet ${set.metadata.name} successful`,
      );
      return;
    }
    const revision = revisions.find((candidate) => revisionHash(candidate) === step.revision);
    const template = (revision === undefined ? undefined : templateOf(revision)) ?? set.spec.template;
    const pod = podOf(set, template, step.ordinal, step.revision);
    try {
      const created = await api.create(resources.pods, pod);
      expectations.written(key, created, seen(created));
      const message = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`;
      recorder.record(set, "Normal", "SuccessfulCreate", message);
    } catch (error) {
      // The cache had not shown it yet, or it is another's: the next change of that pod tells.
      if (isAlreadyExists(error)) return;
      const message = `create Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} failed error: ${messageOf(error)}`;
      recorder.record(set, "Warning", "FailedCreate", message);
      throw error;
    }
  };

  return runController(context, {
    name: "statefulset",
    needs: [statefulSets, pods, controllerRevisions],
    reconcile,
    watch: (queue) => [
      controllerRevisions.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
      }),
      statefulSets.subscribe((now) => void (now === undefined || queue.add(objectKey(now)))),
      pods.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
        for (const pod of [now, before]) {
          const owner = pod === undefined ? undefined : controllerOf(pod);
          if (pod !== undefined && owner?.kind === "StatefulSet") queue.add(keyOf(pod.metadata.namespace, owner.name));
        }
        const changed = now ?? before;
        if (changed === undefined || controllerOf(changed) !== undefined) return;
        // An orphan to adopt, or one that was in the way of a name.
        for (const set of statefulSets.list(changed.metadata.namespace)) {
          if (ordinalOf(set, changed) !== undefined) queue.add(objectKey(set));
        }
      }),
    ],
  });
}

function podOf(set: StatefulSet, template: PodTemplate, ordinal: number, revision: string): Pod {
  const name = `${set.metadata.name}-${ordinal}`;
  const { serviceName, volumeClaimTemplates: claims = [] } = set.spec;
  // A claim of the set wins over a volume of the same name in the template.
  const claimed = claims.map(({ metadata }) => ({
    name: metadata.name,
    persistentVolumeClaim: { claimName: `${metadata.name}-${name}` },
  }));
  const others = template.spec.volumes?.filter((volume) =>
    claims.every(({ metadata }) => metadata.name !== volume.name),
  );
  return podFromTemplate(set, template, {
    name,
    labels: {
      [revisionHashLabel]: revision,
      "statefulset.kubernetes.io/pod-name": name,
      "apps.kubernetes.io/pod-index": String(ordinal),
    },
    spec: {
      hostname: name,
      ...(serviceName === undefined || serviceName === "" ? {} : { subdomain: serviceName }),
      ...(claims.length === 0 ? {} : { volumes: [...claimed, ...(others ?? [])] }),
    },
  });
}
