import { describe, expect, it } from "vitest";
import { createApiServer } from "../apiserver/index.ts";
import { applyManifests } from "./apply.ts";
import { parseManifest } from "./manifests.ts";
import { storedOnlyObjects } from "./stored-only.ts";

describe("storedOnlyObjects()", () => {
  it("names what nothing acts on, once each, and nothing else", async () => {
    const { api } = await createApiServer();
    expect(await storedOnlyObjects(api)).toEqual([]);
    const manifest = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: example.com/disk
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`;
    await applyManifests(api, parseManifest(manifest, "test"));
    expect(await storedOnlyObjects(api)).toEqual([
      "horizontalpodautoscaler.autoscaling/web in default",
      "storageclass.storage.k8s.io/fast",
    ]);
  });
});
