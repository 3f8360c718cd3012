import { messageOf } from "../../core/index.ts";
import type { Cancel, Clock, Logger } from "../../core/index.ts";
import { isAlreadyExists, isConflict, isNotFound, resources } from "../../objects/index.ts";
import type { ClusterApi, Lease, Node } from "../../objects/index.ts";
import { isRegistered, planNode } from "./plan.ts";
import type { NodeDescription } from "./plan.ts";

/** The namespace of the nodes' heartbeats. */
export const leaseNamespace = "kube-node-lease";

/** Creates the agent's Node object or brings it up to date. Rejects as the API does; conflicts are tried again. */
export async function registerNode(api: ClusterApi, description: NodeDescription, clock: Clock): Promise<Node> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await writeNode(api, description, clock);
    } catch (error) {
      if (attempt === 5 || !(isConflict(error) || isAlreadyExists(error) || isNotFound(error))) throw error;
    }
  }
}

async function writeNode(api: ClusterApi, description: NodeDescription, clock: Clock): Promise<Node> {
  const old = await findNode(api, description.name);
  const planned = planNode(description, old, clock.now());
  if (old !== undefined && isRegistered(planned, old)) return old;
  const { status } = planned;
  const stored =
    old === undefined ? await api.create(resources.nodes, planned) : await api.update(resources.nodes, planned);
  // Whatever the server made of the status on create, it is written for certain here.
  return api.updateStatus(resources.nodes, { ...stored, ...(status === undefined ? {} : { status }) });
}

async function findNode(api: ClusterApi, name: string): Promise<Node | undefined> {
  try {
    return await api.get(resources.nodes, undefined, name);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

export interface LeaseOptions {
  readonly api: ClusterApi;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds between heartbeats; 10 s by default, as in Kubernetes. */
  readonly renewMs?: number;
}

/** Renews the node's Lease at once and then every `renewMs`, through failures too; `stop` ends it. */
export function renewNodeLease(options: LeaseOptions): { stop(): void } {
  const { api, nodeName, clock, log, renewMs = 10_000 } = options;
  let lease: Lease | undefined;
  let cancel: Cancel = () => undefined;
  let stopped = false;
  let failures = 0;
  const beat = async (): Promise<void> => {
    const begun = clock.monotonic();
    try {
      lease = await renew(api, nodeName, lease, clock.now(), renewMs);
      failures = 0;
    } catch (error) {
      lease = undefined;
      if (++failures === 3) log.warn("the node's heartbeat fails", { node: nodeName, error: messageOf(error) });
    }
    if (stopped) return;
    const delay = failures === 0 ? renewMs : Math.min(renewMs, 200 * failures);
    cancel = clock.schedule(Math.max(0, delay - (clock.monotonic() - begun)), () => void beat());
  };
  void beat();
  return {
    stop() {
      stopped = true;
      cancel();
    },
  };
}

async function renew(
  api: ClusterApi,
  nodeName: string,
  known: Lease | undefined,
  nowMs: number,
  renewMs: number,
): Promise<Lease> {
  const renewTime = `${new Date(nowMs).toISOString().slice(0, -1)}000Z`;
  const leaseDurationSeconds = Math.max(1, Math.round((renewMs * 4) / 1000));
  const spec = { holderIdentity: nodeName, leaseDurationSeconds, renewTime };
  if (known !== undefined) return api.update(resources.leases, { ...known, spec: { ...known.spec, ...spec } });
  try {
    const present = await api.get(resources.leases, leaseNamespace, nodeName);
    return await api.update(resources.leases, { ...present, spec: { ...present.spec, ...spec } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const node = await findNode(api, nodeName);
  const uid = node?.metadata.uid;
  return api.create(resources.leases, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: nodeName,
      namespace: leaseNamespace,
      ...(uid === undefined ? {} : { ownerReferences: [{ apiVersion: "v1", kind: "Node", name: nodeName, uid }] }),
    },
    spec: { ...spec, acquireTime: renewTime },
  });
}
