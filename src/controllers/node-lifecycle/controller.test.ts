import { afterEach, describe, expect, it } from "vitest";
import { createApiServer } from "../../apiserver/index.ts";
import type { ApiServer } from "../../apiserver/index.ts";
import { ManualClock, reportedVersion, silentLogger } from "../../core/index.ts";
import { isNodeReady, isPodReady, resources } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { eventually, runCluster } from "../../../test/cluster/running-cluster.ts";
import type { RunningCluster } from "../../../test/cluster/running-cluster.ts";
import { registerNode, renewNodeLease } from "../node-registration/agent.ts";

let server: ApiServer | undefined;
let cluster: RunningCluster | undefined;

afterEach(async () => {
  cluster?.stop();
  await server?.close();
});

const pod: Pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default", labels: { app: "web" } },
  spec: { nodeName: "node-1", containers: [{ name: "c", image: "i" }] },
};

describe("startNodeLifecycleController()", () => {
  it("follows the heartbeat: a silent node and its pods become unready, come back, and are emptied at last", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    server = await createApiServer({ clock });
    const { api } = server;
    const description = {
      name: "node-1",
      zone: "a",
      addresses: ["192.168.100.11"],
      podCIDRs: ["10.244.1.0/24"],
      architecture: "amd64",
    };
    for (let i = 0; i < 2; i++) await registerNode(api, description, clock);
    cluster = await runCluster(api, { clock, node: { graceMs: 4_000, evictionMs: 10_000 } });
    const { caches } = cluster;
    const node = () => caches.nodes.get(undefined, "node-1");
    expect(node()).toMatchObject({
      metadata: { labels: { "kubernetes.io/hostname": "node-1", "topology.kubernetes.io/zone": "a" } },
      spec: { podCIDR: "10.244.1.0/24" },
      status: { nodeInfo: { kubeletVersion: reportedVersion } },
    });
    const pass = async (ms: number) => {
      for (let left = ms; left > 0; left -= 100) {
        clock.advance(100);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await api.create(resources.services, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { app: "web" }, ports: [{ port: 80 }] },
    });
    await api.create(resources.pods, pod);
    const ready = () =>
      caches.endpointSlices
        .indexed("service", "default/web")
        .flatMap(({ endpoints }) => endpoints.filter(({ conditions }) => conditions?.ready));
    let heart = renewNodeLease({ api, nodeName: "node-1", clock, log: silentLogger, renewMs: 1_000 });
    await pass(20_000);
    expect(isNodeReady(node()!)).toBe(true);
    expect(ready()).toHaveLength(1);
    expect(caches.leases.get("kube-node-lease", "node-1")?.metadata.ownerReferences).toHaveLength(1);

    heart.stop();
    await pass(3_000);
    expect(isNodeReady(node()!)).toBe(true);
    await pass(2_000);
    expect(node()?.status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
    });
    expect(node()?.spec.taints?.map(({ effect }) => effect)).toEqual(["NoSchedule", "NoExecute"]);
    expect(isPodReady(caches.pods.get("default", "web")!)).toBe(false);
    expect(ready()).toHaveLength(0);

    heart = renewNodeLease({ api, nodeName: "node-1", clock, log: silentLogger, renewMs: 1_000 });
    await pass(1_000);
    expect(isNodeReady(node()!)).toBe(true);
    expect(node()?.spec.taints ?? []).toEqual([]);
    expect(ready()).toHaveLength(1);

    heart.stop();
    await pass(16_000);
    await eventually(() => expect(caches.pods.get("default", "web")).toBeUndefined());
    expect(cluster.events).toContain("Normal TaintManagerEviction Marking for deletion Pod default/web");
    expect(cluster.warnings).toEqual([]);
  });
});
