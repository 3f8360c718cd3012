import { silentLogger } from "../../src/core/index.ts";
import type { Clock, LogFields, Logger } from "../../src/core/index.ts";
import { createCache } from "../../src/client/index.ts";
import type { RunningCache } from "../../src/client/index.ts";
import { makeControllerCaches, startControllers } from "../../src/controllers/index.ts";
import type { ControllerCaches, ControllerOptions } from "../../src/controllers/index.ts";
import { systemClock } from "../../src/net/index.ts";
import { formatTime, isNotFound, resources } from "../../src/objects/index.ts";
import type { ClusterApi, EventRecorder, KubeObject, Node, Pod } from "../../src/objects/index.ts";

/** One recorded event, as `type reason message`. */
export type Recorded = string;

/** Controllers at work on an API, with agents that make every pod run. */
export interface RunningCluster {
  readonly caches: ControllerCaches;
  readonly events: readonly Recorded[];
  /** What controllers warned of. */
  readonly warnings: readonly string[];
  /** Pods named here never become ready (matched as a prefix). */
  readonly sick: Set<string>;
  stop(): void;
}

export interface RunningClusterOptions extends ControllerOptions {
  readonly clock?: Clock;
  /** False leaves pods to the test. */
  readonly agents?: boolean;
}

/** Starts all controllers, and agents that set pods running and end them. */
export async function runCluster(api: ClusterApi, options: RunningClusterOptions = {}): Promise<RunningCluster> {
  const { clock = systemClock, agents = true, ...controllerOptions } = options;
  const made: RunningCache<KubeObject>[] = [];
  const events: Recorded[] = [];
  const warnings: string[] = [];
  const note = (message: string, fields?: LogFields): void =>
    void warnings.push(`${message} ${JSON.stringify(fields)}`);
  const log: Logger = { ...silentLogger, warn: note, error: note };
  const caches = makeControllerCaches((spec) => {
    const cache = createCache(api, spec.resource, { indexers: spec.indexers, clock });
    made.push(cache);
    return cache;
  });
  const recorder: EventRecorder = {
    record: (_object, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
  };
  const controllers = startControllers({
    api,
    caches,
    recorder,
    clock,
    log,
    random: () => 0.5,
    options: controllerOptions,
  });
  await Promise.all(Object.values(caches).map((cache) => cache.whenSynced()));
  const sick = new Set<string>();
  const stopAgents = agents ? runAgents(api, caches, sick, clock) : () => undefined;
  return {
    caches,
    events,
    warnings,
    sick,
    stop() {
      controllers.stop();
      stopAgents();
      for (const cache of made) cache.stop();
    },
  };
}

/** Plays all nodes' agents: bound pods run and are ready at once, deleted ones end at once. */
function runAgents(api: ClusterApi, caches: ControllerCaches, sick: ReadonlySet<string>, clock: Clock): () => void {
  let next = 1;
  const ignoreRaces = (error: unknown): void => {
    if (!isNotFound(error) && !(error instanceof Error && "code" in error && error.code === "Conflict")) throw error;
  };
  return caches.pods.subscribe((pod) => {
    if (pod?.spec.nodeName === undefined || pod.spec.nodeName === "") return;
    const { namespace, name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      api.delete(resources.pods, namespace, name, { gracePeriodSeconds: 0 }).catch(ignoreRaces);
      return;
    }
    if (pod.status?.phase === "Running") return;
    const number = next++;
    const ip = `10.244.${Math.floor(number / 250)}.${(number % 250) + 1}`;
    const ready = ![...sick].some((prefix) => name.startsWith(prefix));
    api.updateStatus(resources.pods, runningPod(pod, ip, ready, clock.now())).catch(ignoreRaces);
  });
}

/** The pod as an agent reports it. */
export function runningPod(pod: Pod, ip: string, ready: boolean, nowMs: number): Pod {
  const status = ready ? "True" : "False";
  const time = formatTime(nowMs);
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== "Ready" && type !== "ContainersReady");
  const conditions = [
    ...others,
    { type: "ContainersReady", status, lastTransitionTime: time } as const,
    { type: "Ready", status, lastTransitionTime: time } as const,
  ];
  return { ...pod, status: { ...pod.status, phase: "Running", podIP: ip, podIPs: [{ ip }], conditions } };
}

/** A node that is ready. */
export function readyNode(name: string, zone = "a"): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone } },
    spec: {},
    status: { conditions: [{ type: "Ready", status: "True" }], allocatable: { cpu: "2" } },
  };
}

/** Creates ready nodes `node-1` and so on. */
export async function addNodes(api: ClusterApi, zones: readonly string[]): Promise<void> {
  for (const [index, zone] of zones.entries()) {
    const node = readyNode(`node-${index + 1}`, zone);
    const created = await api.create(resources.nodes, node);
    await api.updateStatus(resources.nodes, {
      ...created,
      ...(node.status === undefined ? {} : { status: node.status }),
    });
  }
}

/** Waits until `check` holds; fails with what it last said. */
export async function eventually(check: () => void | Promise<void>, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Waits until the API has seen no write for `quietMs`. */
export async function quiet(version: () => Promise<string>, quietMs = 60): Promise<string> {
  for (let last = await version(); ;) {
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    const now = await version();
    if (now === last) return now;
    last = now;
  }
}
