import { describe, expect, it } from "vitest";
import { imagineCluster } from "./imagined-cluster.ts";
import { defaultLabOptions } from "./lab-options.ts";
import { parseManifest } from "./manifests.ts";

const manifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {sealane.dev/weight: "2"}}
    spec: {containers: [{name: c, image: nginx, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: missing}, ports: [{port: 80}]}
`;

describe("imagineCluster()", () => {
  it("gives what a lab would hold: addresses, endpoints on all nodes, weights", async () => {
    const { services, endpointSlices, nodes } = await imagineCluster(
      parseManifest(manifest, "test"),
      defaultLabOptions,
    );
    expect(nodes.map(({ metadata }) => metadata.name).sort()).toEqual(["node-1", "node-2", "node-3"]);
    const web = services.find(({ metadata }) => metadata.name === "web");
    expect(web?.spec.clusterIP).toMatch(/^10\.96\./);
    expect(web?.status?.loadBalancer?.ingress?.[0]?.ip).toBe("192.168.100.200");
    const slice = endpointSlices.find(({ metadata }) => metadata.name.startsWith("web-"));
    expect(slice?.endpoints.map(({ addresses }) => addresses[0]).sort()).toEqual([
      "10.244.1.2",
      "10.244.2.2",
      "10.244.3.2",
    ]);
    expect(slice?.metadata.annotations?.["sealane.dev/weights"]).toBe('{"10.244.1.2":2,"10.244.2.2":2,"10.244.3.2":2}');
    expect(slice?.endpoints.every(({ conditions }) => conditions?.ready)).toBe(true);
  });

  it("says what is wrong with a manifest", async () => {
    const bad = parseManifest(
      "apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 0}]}\n",
      "bad",
    );
    await expect(imagineCluster(bad, defaultLabOptions)).rejects.toThrow(/bad.*spec\.ports\[0\]\.port/s);
  });
});
