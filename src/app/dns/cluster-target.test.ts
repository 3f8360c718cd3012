import { describe, expect, it } from "vitest";
import { readCorefile } from "../../dns/index.ts";
import { clusterTarget } from "./cluster-target.ts";

const targetOf = (
  properties: string,
  { kubeconfig, inCluster = false }: { readonly kubeconfig?: string; readonly inCluster?: boolean } = {},
) =>
  clusterTarget(
    readCorefile(`. {\n ${properties}\n}`, "Corefile", { environment: () => undefined, readText: () => undefined }),
    {
      kubeconfig,
      namesPlaces: true,
      environment: (name) =>
        inCluster ? { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" }[name] : undefined,
    },
  );

describe("clusterTarget()", () => {
  it("follows no cluster for a configuration about none", () => {
    expect(targetOf("whoami", { kubeconfig: "/config" })).toBeUndefined();
  });

  it("prefers the command's kubeconfig, then the block's cluster, then the one around it", () => {
    const block = "kubernetes {\n  kubeconfig /block\n }";
    expect(targetOf(block, { kubeconfig: "/command", inCluster: true })?.kubeconfig).toBe("/command");
    expect(targetOf(block, { inCluster: true })?.kubeconfig).toBe("/block");
    expect(targetOf("kubernetes", { inCluster: true })?.kubeconfig).toMatchObject({
      clusters: [{ cluster: { server: "https://[fd00::1]:443" } }],
      users: [{ user: { tokenFile: "/var/run/secrets/kubernetes.io/serviceaccount/token" } }],
    });
    expect(() => targetOf("kubernetes")).toThrow("Corefile:2: kubernetes: there is no cluster to take names from");
  });

  it("refuses two blocks about different clusters, unless the command names one for all", () => {
    const two =
      "kubernetes a.example {\n  endpoint https://a:1\n }\n}\nb.example {\n kubernetes {\n  kubeconfig /b\n }";
    expect(() => targetOf(two)).toThrow(
      "Corefile:7: kubernetes: the cluster /b is not the one of line 2 (https://a:1), and a server follows one: move",
    );
    expect(targetOf(two, { kubeconfig: "/command" })?.kubeconfig).toBe("/command");
    expect(targetOf(two.replace("endpoint https://a:1", "kubeconfig /b"))?.kubeconfig).toBe("/b");
  });

  it("says where certificates come from", () => {
    const block = "kubernetes {\n  endpoint https://a:1\n  tls /crt /key /ca\n }";
    expect(targetOf(block)).toMatchObject({
      files: { certificate: "/crt", key: "/key", ca: "/ca" },
      at: "Corefile:2: kubernetes: ",
    });
    expect(targetOf("kubernetes", { kubeconfig: "/config" })?.files.ca).toBe("ca of /config");
  });
});
