import { describe, expect, it } from "vitest";
import { createApiServer } from "../apiserver/index.ts";
import { CodedError } from "../core/index.ts";
import { systemClock } from "../net/index.ts";
import { resources } from "../objects/index.ts";
import type { ClusterApi } from "../objects/index.ts";
import { registerWhenReachable } from "./register-node.ts";

const node = { name: "node-1", addresses: ["192.168.100.11"], architecture: "amd64" };

describe("registerWhenReachable()", () => {
  it("tries again while the API cannot be reached", async () => {
    const { api } = await createApiServer();
    let refused = 0;
    const late: ClusterApi = {
      ...api,
      get: (...request) => {
        if (refused++ < 2) return Promise.reject(new CodedError("Unreachable", "not there yet"));
        return api.get(...request);
      },
    };
    await registerWhenReachable(late, node, systemClock);
    expect(refused).toBeGreaterThan(2);
    expect((await api.get(resources.nodes, undefined, "node-1")).status?.addresses?.[0]?.address).toBe(
      "192.168.100.11",
    );
  });

  it("gives up when the API refuses", async () => {
    const { api } = await createApiServer();
    await expect(registerWhenReachable(api, { ...node, name: "No/Name" }, systemClock)).rejects.toThrow(
      "metadata.name",
    );
  });
});
