import { sameJson } from "../../core/index.ts";
import {
  controllerOf,
  isAlreadyExists,
  isNotFound,
  keyOf,
  matchesSelector,
  objectKey,
  resources,
  splitKey,
} from "../../objects/index.ts";
import type { Deployment, Pod, ReplicaSet } from "../../objects/index.ts";
import { claim } from "../adoption.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import type { ReconcileResult, WorkQueue } from "../work-queue.ts";
import { hasRevision, planDeployment } from "./plan.ts";
import type { DeploymentPlan } from "./plan.ts";
import { findNewReplicaSet, revisionAnnotation } from "./revision.ts";
import { replicasOf } from "./rolling.ts";

/** Rolls out Deployments by sizing ReplicaSets. */
export function startDeploymentController(context: ControllerContext): RunningController {
  const { api, caches, recorder, clock } = context;
  const { deployments, replicaSets, pods } = caches;

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    const { namespace, name } = splitKey(key);
    const deployment = deployments.get(namespace, name);
    if (deployment === undefined) return;
    const { selector } = deployment.spec;
    const sets = await claim(api, resources.replicaSets, replicaSets, deployment, (set) =>
      matchesSelector(selector, set.metadata.labels),
    );
    const oldPodsRun = (old: readonly ReplicaSet[]): boolean =>
      old.some((set) => pods.indexed("owner", set.metadata.uid ?? "").some(stillRuns));
    const plan = planDeployment({ deployment, sets, oldPodsRun }, clock.now());
    let written = deployment;
    // The revision first: it writes the object, after which only the fresh version takes a status.
    if (plan.revision !== undefined && !hasRevision(deployment, plan.revision)) {
      const annotations = { [revisionAnnotation]: plan.revision };
      const body = { metadata: { uid: deployment.metadata.uid, annotations } };
      written = await api.patch(resources.deployments, namespace, name, { type: "merge", body });
    }
    const status = await carryOut(deployment, plan);
    if (!sameJson(deployment.status, status)) await api.updateStatus(resources.deployments, { ...written, status });
    if (plan.againAfterMs !== undefined) return { againAfterMs: Math.max(1, plan.againAfterMs) };
  };

  const carryOut = async (deployment: Deployment, plan: DeploymentPlan): Promise<DeploymentPlan["status"]> => {
    if (plan.create !== undefined && !(await create(deployment, plan.create))) {
      // Another template has this name: the next pass takes another one.
      return { ...plan.status, collisionCount: (plan.status.collisionCount ?? 0) + 1 };
    }
    for (const { set, from } of plan.update) {
      await api.update(resources.replicaSets, set);
      if (replicasOf(set) !== from) recordScaling(deployment, set, from);
    }
    for (const set of plan.remove) {
      const { namespace, name, uid } = set.metadata;
      try {
        await api.delete(resources.replicaSets, namespace, name, uid === undefined ? {} : { uid });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    return plan.status;
  };

  /** False when the name is taken by a set of another template or owner. */
  const create = async (deployment: Deployment, set: ReplicaSet): Promise<boolean> => {
    try {
      await api.create(resources.replicaSets, set);
      if (replicasOf(set) > 0) recordScaling(deployment, set, 0);
      return true;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const present = await api.get(resources.replicaSets, set.metadata.namespace, set.metadata.name);
      return (
        controllerOf(present)?.uid === deployment.metadata.uid && findNewReplicaSet(deployment, [present]) !== undefined
      );
    }
  };

  const recordScaling = (deployment: Deployment, set: ReplicaSet, from: number): void => {
    const to = replicasOf(set);
    const direction = to > from ? "up" : "down";
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${from} to ${to}`;
    recorder.record(deployment, "Normal", "ScalingReplicaSet", message);
  };

  const ownerKey = (set: ReplicaSet): string | undefined => {
    const owner = controllerOf(set);
    return owner?.kind === "Deployment" ? keyOf(set.metadata.namespace, owner.name) : undefined;
  };

  const setChanged = (queue: WorkQueue, now: ReplicaSet | undefined, before: ReplicaSet | undefined): void => {
    for (const set of [now, before]) {
      const key = set === undefined ? undefined : ownerKey(set);
      if (key !== undefined) queue.add(key);
    }
    if (now === undefined || controllerOf(now) !== undefined) return;
    for (const deployment of deployments.list(now.metadata.namespace)) {
      if (matchesSelector(deployment.spec.selector, now.metadata.labels)) queue.add(objectKey(deployment));
    }
  };

  /** `Recreate` goes on when the last old pod has gone. */
  const podGone = (queue: WorkQueue, pod: Pod): void => {
    const owner = controllerOf(pod);
    if (owner?.kind !== "ReplicaSet") return;
    const set = replicaSets.get(pod.metadata.namespace, owner.name);
    const key = set === undefined ? undefined : ownerKey(set);
    if (key === undefined) return;
    const { namespace, name } = splitKey(key);
    if (deployments.get(namespace, name)?.spec.strategy?.type === "Recreate") queue.add(key);
  };

  return runController(context, {
    name: "deployment",
    needs: [deployments, replicaSets, pods],
    reconcile,
    watch: (queue) => [
      deployments.subscribe((now) => void (now === undefined || queue.add(objectKey(now)))),
      replicaSets.subscribe((now, before) => setChanged(queue, now, before)),
      pods.subscribe((now, before) => {
        if (before !== undefined && (now === undefined || !stillRuns(now))) podGone(queue, before);
      }),
    ],
  });
}

/** A pod holds its place until it has ended or is gone; a terminating one still runs. */
function stillRuns(pod: Pod): boolean {
  return pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}
