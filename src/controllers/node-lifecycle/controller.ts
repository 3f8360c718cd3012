import type { Cancel } from "../../core/index.ts";
import { isNodeReady, isPodFinished, resources } from "../../objects/index.ts";
import type { Node, Pod } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { leaseNamespace } from "../node-registration/agent.ts";
import { healthyConditions } from "../node-registration/plan.ts";
import { unlessGone } from "../unless-gone.ts";
import type { ReconcileResult } from "../work-queue.ts";
import { evictionDelayMs, isLost, lostNode, planPodConditions, planTaints } from "./plan.ts";

export interface NodeLifecycleOptions {
  /** Milliseconds without a heartbeat after which a node counts as lost; 40 s by default, as in Kubernetes. */
  readonly graceMs?: number;
  /** Milliseconds after which pods leave a lost node, unless they tolerate more or less than the usual 300 s. */
  readonly evictionMs?: number;
}

/** Declares nodes lost when their heartbeat stops, and back when it returns; pods follow. */
export function startNodeLifecycleController(
  context: ControllerContext,
  options: NodeLifecycleOptions = {},
): RunningController {
  const { api, caches, recorder, clock } = context;
  const { nodes, leases, pods } = caches;
  const graceMs = options.graceMs ?? 40_000;
  const evictionMs = options.evictionMs ?? 300_000;
  /** When a heartbeat was last seen here: the nodes' own clocks may differ. */
  const heard = new Map<string, number>();
  const lostSince = new Map<string, number>();
  /** One timer for each node, moved by each heartbeat. */
  const deadlines = new Map<string, Cancel>();

  const reconcile = async (name: string): Promise<ReconcileResult> => {
    const node = nodes.get(undefined, name);
    if (node === undefined) return;
    const silence = clock.monotonic() - (heard.get(name) ?? clock.monotonic());
    if (silence >= graceMs) return lose(node);
    lostSince.delete(name);
    if (isLost(node) || planTaints(node, false, clock.now()) !== undefined) await welcome(node);
  };

  const lose = async (node: Node): Promise<ReconcileResult> => {
    const { name } = node.metadata;
    const since = lostSince.get(name) ?? clock.monotonic();
    lostSince.set(name, since);
    const lost = lostNode(node, clock.now());
    if (lost !== node) {
      const wasReady = isNodeReady(node);
      await unlessGone(api.updateStatus(resources.nodes, lost));
      if (wasReady) recorder.record(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    }
    // Endpoints leave by the pods' condition: before anything else that may take time.
    await adjustPods(name, true);
    await writeTaints(lost, true);
    return evict(name, since);
  };

  const welcome = async (node: Node): Promise<void> => {
    if (isLost(node)) {
      const conditions = healthyConditions(node.status?.conditions, clock.now());
      await unlessGone(api.updateStatus(resources.nodes, { ...node, status: { ...node.status, conditions } }));
    }
    await writeTaints(node, false);
    await adjustPods(node.metadata.name, false);
  };

  const writeTaints = async (node: Node, lost: boolean): Promise<void> => {
    const taints = planTaints(node, lost, clock.now());
    if (taints === undefined) return;
    const body = { metadata: { uid: node.metadata.uid }, spec: { taints: taints.length === 0 ? null : taints } };
    await unlessGone(api.patch(resources.nodes, undefined, node.metadata.name, { type: "merge", body }));
  };

  const adjustPods = async (nodeName: string, lost: boolean): Promise<void> => {
    await Promise.all(
      pods.indexed("node", nodeName).map(async (pod) => {
        const conditions = planPodConditions(pod, lost, clock.now());
        if (conditions === undefined) return;
        await unlessGone(api.updateStatus(resources.pods, { ...pod, status: { ...pod.status, conditions } }));
        if (lost) recorder.record(pod, "Warning", "NodeNotReady", "Node is not ready");
      }),
    );
  };

  /** Deletes the pods whose time is over; asks to be called again for the next ones. */
  const evict = async (nodeName: string, since: number): Promise<ReconcileResult> => {
    const gone = clock.monotonic() - since;
    let next: number | undefined;
    const due: Pod[] = [];
    for (const pod of pods.indexed("node", nodeName)) {
      if (pod.metadata.deletionTimestamp !== undefined || isPodFinished(pod)) continue;
      const delay = evictionDelayMs(pod, evictionMs);
      if (delay === undefined) continue;
      if (delay <= gone) due.push(pod);
      else next = Math.min(next ?? Infinity, delay - gone);
    }
    await Promise.all(due.map((pod) => evictPod(pod)));
    if (next !== undefined) return { againAfterMs: next };
  };

  const evictPod = async (pod: Pod): Promise<void> => {
    const { namespace, name, uid } = pod.metadata;
    recorder.record(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${namespace ?? ""}/${name}`);
    await unlessGone(api.delete(resources.pods, namespace, name, uid === undefined ? {} : { uid }));
  };

  const loop = runController(context, {
    name: "node-lifecycle",
    needs: [nodes, leases, pods],
    reconcile,
    watch: (queue) => {
      const expect = (name: string, withinMs: number): void => {
        deadlines.set(
          name,
          clock.schedule(withinMs, () => {
            // Timers may fire a little early.
            const leftMs = graceMs - (clock.monotonic() - (heard.get(name) ?? 0));
            if (leftMs > 0) expect(name, leftMs);
            else queue.add(name);
          }),
        );
      };
      const hear = (name: string): void => {
        heard.set(name, clock.monotonic());
        deadlines.get(name)?.();
        expect(name, graceMs);
      };
      return [
        nodes.subscribe((now, before) => {
          const name = (now ?? before)?.metadata.name ?? "";
          if (now === undefined) {
            deadlines.get(name)?.();
            for (const map of [deadlines, heard, lostSince]) map.delete(name);
          } else {
            if (before === undefined) hear(name);
            if (isLost(now) || lostSince.has(name)) queue.add(name);
          }
        }),
        leases.subscribe((now, before) => {
          if (now?.metadata.namespace !== leaseNamespace) return;
          const { name } = now.metadata;
          if (before !== undefined && before.spec?.renewTime === now.spec?.renewTime) return;
          if (nodes.get(undefined, name) === undefined) return;
          hear(name);
          const node = nodes.get(undefined, name);
          if (lostSince.has(name) || (node !== undefined && isLost(node))) queue.add(name);
        }),
        // A pod that comes to a lost node, or says ready although its node is lost.
        pods.subscribe((now, before) => {
          const name = now?.spec.nodeName;
          if (name === undefined || !lostSince.has(name)) return;
          if (before === undefined || planPodConditions(now ?? before, true, 0) !== undefined) queue.add(name);
        }),
      ];
    },
  });
  return {
    stop() {
      loop.stop();
      for (const cancel of deadlines.values()) cancel();
    },
  };
}
