import { messageOf, sameJson } from "../../core/index.ts";
import { controllerOf, matchesSelector, objectKey, resources, splitKey } from "../../objects/index.ts";
import type { Cache, KubeObject, Pod, ReplicaSet, ReplicationController, Resource } from "../../objects/index.ts";
import { claim } from "../adoption.ts";
import { inGrowingBatches } from "../batches.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { createExpectations } from "../expectations.ts";
import { isPodActive } from "../pod-availability.ts";
import { podFromTemplate } from "../pod-from-template.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { nextReplicaCheck, planReplicas, replicaStatus } from "./plan.ts";
import type { ReplicaPlan, ReplicaSpec, ReplicaStatus } from "./plan.ts";

interface ReplicaKind<T extends KubeObject> {
  readonly name: string;
  readonly resource: Resource<T>;
  readonly cache: Cache<T>;
  readonly specOf: (set: T) => ReplicaSpec;
  readonly statusOf: (set: T) => ReplicaStatus | undefined;
  readonly withStatus: (set: T, status: ReplicaStatus) => T;
}

/** Keeps the number of pods that each ReplicaSet asks for. */
export function startReplicaSetController(context: ControllerContext): RunningController {
  return startReplicas<ReplicaSet>(context, {
    name: "replicaset",
    resource: resources.replicaSets,
    cache: context.caches.replicaSets,
    specOf: ({ spec }) => ({
      replicas: spec.replicas ?? 1,
      selector: spec.selector,
      minReadySeconds: spec.minReadySeconds ?? 0,
      template: spec.template ?? { spec: { containers: [] } },
    }),
    statusOf: ({ status }) => status,
    withStatus: (set, status) => ({ ...set, status }),
  });
}

/** Keeps the number of pods that each ReplicationController asks for. */
export function startReplicationControllerController(context: ControllerContext): RunningController {
  return startReplicas<ReplicationController>(context, {
    name: "replicationcontroller",
    resource: resources.replicationControllers,
    cache: context.caches.replicationControllers,
    specOf: ({ spec }) => ({
      replicas: spec.replicas ?? 1,
      selector: { matchLabels: spec.selector ?? spec.template?.metadata?.labels ?? {} },
      minReadySeconds: spec.minReadySeconds ?? 0,
      template: spec.template ?? { spec: { containers: [] } },
    }),
    statusOf: ({ status }) => status,
    withStatus: (set, status) => ({ ...set, status }),
  });
}

function startReplicas<T extends KubeObject>(context: ControllerContext, kind: ReplicaKind<T>): RunningController {
  const { api, caches, recorder, clock } = context;
  const { pods } = caches;
  const expectations = createExpectations(clock);

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const set = kind.cache.get(namespace, name);
    if (set === undefined) return expectations.forget(key);
    const behind = expectations.waitMs(key);
    if (behind > 0) return { againAfterMs: behind };
    const spec = kind.specOf(set);
    const matches = (pod: Pod): boolean => matchesSelector(spec.selector, pod.metadata.labels);
    const owned = await claim(api, resources.pods, pods, set, matches);
    let failure: Parameters<typeof replicaStatus>[4];
    if (set.metadata.deletionTimestamp === undefined) {
      const plan = planReplicas(spec.replicas, owned, (node) => crowdOn(set, node));
      failure = await carryOut(key, set, spec, plan);
    }
    const now = clock.now();
    const old = kind.statusOf(set);
    const status = replicaStatus(spec, set.metadata.generation, old, owned, failure, now);
    if (!sameJson(old, status)) {
      const written = await unlessGone(api.updateStatus(kind.resource, kind.withStatus(set, status)));
      if (written !== undefined) expectations.written(key, written, kind.cache.get(namespace, name));
    }
    if (failure !== undefined) throw new Error(failure.message);
    const next = nextReplicaCheck(spec, owned, now);
    if (next !== undefined) return { againAfterMs: next };
  };

  /** Pods on a node that belong to the same owner's sets: a Deployment's old and new pods count together. */
  const crowdOn = (set: T, nodeName: string): number => {
    const family = controllerOf(set)?.uid;
    const uids =
      family === undefined
        ? [set.metadata.uid ?? ""]
        : kind.cache.indexed("owner", family).map((sibling) => sibling.metadata.uid ?? "");
    const onNode = (pod: Pod): boolean => pod.spec.nodeName === nodeName && isPodActive(pod);
    return uids.reduce((sum, uid) => sum + pods.indexed("owner", uid).filter(onNode).length, 0);
  };

  const carryOut = async (key: string, set: T, spec: ReplicaSpec, plan: ReplicaPlan) => {
    const seen = (pod: Pod): Pod | undefined => pods.get(pod.metadata.namespace, pod.metadata.name);
    try {
      await inGrowingBatches(plan.create, async () => {
        const pod = await api.create(resources.pods, podFromTemplate(set, spec.template));
        expectations.written(key, pod, seen(pod));
        recorder.record(set, "Normal", "SuccessfulCreate", `Created pod: ${pod.metadata.name}`);
      });
    } catch (error) {
      const message = `Error creating: ${messageOf(error)}`;
      recorder.record(set, "Warning", "FailedCreate", message);
      return { reason: "FailedCreate" as const, message };
    }
    try {
      await inGrowingBatches(plan.remove.length, async (index) => {
        const pod = plan.remove[index];
        if (pod !== undefined) await remove(key, set, pod, seen);
      });
    } catch (error) {
      const message = `Error deleting: ${messageOf(error)}`;
      recorder.record(set, "Warning", "FailedDelete", message);
      return { reason: "FailedDelete" as const, message };
    }
    return undefined;
  };

  const remove = async (key: string, set: T, pod: Pod, seen: (pod: Pod) => Pod | undefined): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    await unlessGone(api.delete(resources.pods, namespace, name, uid === undefined ? {} : { uid }));
    expectations.deleted(key, pod, seen(pod));
    recorder.record(set, "Normal", "SuccessfulDelete", `Deleted pod: ${name}`);
  };

  return runController(context, {
    name: kind.name,
    needs: [kind.cache, pods],
    reconcile,
    watch: (queue) => [
      kind.cache.subscribe((now, before) => {
        const changed = now ?? before;
        expectations.observe(now, before);
        if (changed !== undefined) queue.add(objectKey(changed));
      }),
      pods.subscribe((now, before) => {
        const caughtUp = expectations.observe(now, before);
        if (caughtUp !== undefined) queue.add(caughtUp);
        for (const pod of [now, before]) {
          const owner = pod === undefined ? undefined : controllerOf(pod);
          if (pod !== undefined && owner?.kind === kind.resource.kind) {
            queue.add(`${pod.metadata.namespace ?? ""}/${owner.name}`);
          }
        }
        if (now === undefined || controllerOf(now) !== undefined) return;
        // An orphan: whoever selects it may adopt it.
        for (const set of kind.cache.list(now.metadata.namespace)) {
          if (matchesSelector(kind.specOf(set).selector, now.metadata.labels)) queue.add(objectKey(set));
        }
      }),
    ],
  });
}
