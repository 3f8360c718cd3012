import { describe, expect, it } from "vitest";
import { createApiServer } from "../../apiserver/index.ts";
import { isPodReady, resources } from "../../objects/index.ts";
import type { Pod } from "../../objects/index.ts";
import { forgetReadiness } from "./restored-pods.ts";

describe("forgetReadiness()", () => {
  it("lets no pod count as ready that an earlier life of the lab left so", async () => {
    const { api } = await createApiServer();
    const pod: Pod = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "web", namespace: "default" },
      spec: { nodeName: "node-1", containers: [{ name: "web", image: "nginx" }] },
    };
    const conditions = (["PodScheduled", "ContainersReady", "Ready"] as const).map((type) => ({
      type,
      status: "True" as const,
    }));
    const created = await api.create(resources.pods, pod);
    await api.updateStatus(resources.pods, {
      ...created,
      status: { phase: "Running", podIP: "10.244.1.2", conditions },
    });
    await forgetReadiness(api, 0);
    const after = await api.get(resources.pods, "default", "web");
    expect(isPodReady(after)).toBe(false);
    expect(after.status?.conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual([
      "PodScheduled True",
      "ContainersReady False",
      "Ready False",
    ]);
    const version = after.metadata.resourceVersion;
    await forgetReadiness(api, 0);
    expect((await api.get(resources.pods, "default", "web")).metadata.resourceVersion).toBe(version);
  });
});
