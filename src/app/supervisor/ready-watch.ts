import type { Cache, KubeObject } from "../../objects/index.ts";
import { notReady } from "../readiness.ts";
import type { ClusterState, Waiting } from "../readiness.ts";

/** The caches that a lab's readiness is read from. */
export type StateCaches = {
  readonly [K in keyof ClusterState]: Cache<ClusterState[K][number]>;
};

/** The objects in the caches right now. */
export function clusterState(caches: StateCaches): ClusterState {
  return {
    nodes: caches.nodes.list(),
    pods: caches.pods.list(),
    services: caches.services.list(),
    endpointSlices: caches.endpointSlices.list(),
    deployments: caches.deployments.list(),
    replicaSets: caches.replicaSets.list(),
    replicationControllers: caches.replicationControllers.list(),
    statefulSets: caches.statefulSets.list(),
    daemonSets: caches.daemonSets.list(),
  };
}

/** The highest resource version among a cache's objects, as a decimal string. */
export function newestVersion(objects: readonly KubeObject[]): string {
  return String(objects.reduce((newest, { metadata }) => Math.max(newest, Number(metadata.resourceVersion ?? 0)), 0));
}

/** Changes that come within this time are looked at together: everything is looked at, every time. */
const pauseMs = 10;

/** Something that the caches do not show, but that readiness waits for: undefined when it is as it should be. */
export type ExtraWait = () => Waiting | undefined;

/**
 * Calls `report` with what is not ready, first at once and then whenever it changed, until nothing is left; after
 * changes that come together once. Returns how to stop early.
 */
export function watchReadiness(
  caches: StateCaches,
  extra: readonly ExtraWait[],
  report: (waiting: readonly Waiting[]) => void,
): () => void {
  let last: string | undefined;
  let scheduled: NodeJS.Timeout | undefined;
  let stopped = false;
  const stop = () => {
    stopped = true;
    clearTimeout(scheduled);
    for (const end of ends.splice(0)) end();
  };
  const evaluate = () => {
    scheduled = undefined;
    if (stopped) return;
    const waiting = [...extra.flatMap((wait) => wait() ?? []), ...notReady(clusterState(caches))];
    const text = JSON.stringify(waiting);
    if (text === last) return;
    last = text;
    if (waiting.length === 0) stop();
    report(waiting);
  };
  const changed = () => void (scheduled ??= setTimeout(evaluate, pauseMs));
  const ends: (() => void)[] = [];
  for (const cache of Object.values(caches)) ends.push(cache.subscribe(changed));
  changed();
  return stop;
}

/** A waiting object as one line: `pod/x in tour: not Ready`. */
export function waitingLine({ object, namespace, reason }: Waiting): string {
  return `${object}${namespace === undefined ? "" : ` in ${namespace}`}: ${reason}`;
}
