import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { KubectlSession } from "./kubectl-session.ts";
import { findKubectls } from "../kubectls.ts";
import { example, processesWith, Sealane, until } from "./sealane.ts";

const sealane = new Sealane();
const state = join(sealane.directory, "state");
const tourFile = example("tour");
afterAll(() => sealane.cleanUp());

/** What a user remembers of the cluster: addresses and ports of each Service, and who an object is. */
async function remembered(): Promise<string> {
  const kubeconfig = (await sealane.run("kubeconfig")).stdout.trim();
  const [kubectl] = findKubectls();
  const session = new KubectlSession(kubectl?.path ?? "kubectl", kubeconfig, "tour", sealane.directory);
  const columns = [
    "NAME:.metadata.name",
    "UID:.metadata.uid",
    "IPS:.spec.clusterIPs",
    "PORTS:.spec.ports[*].nodePort",
    "CHECK:.spec.healthCheckNodePort",
    "LB:.status.loadBalancer.ingress[*].ip",
    "NOTE:.metadata.labels.note",
  ];
  return session.run("get", "services,deployments,statefulsets,ingresses", "-o", `custom-columns=${columns.join(",")}`);
}

async function expectTraffic(): Promise<void> {
  const curl = async (place: string, url: string) =>
    (await sealane.run("exec", place, "--", "curl", "-sm3", url)).stdout;
  expect(await curl("pod/multi-0", "http://web.tour")).toContain("pod: back-end-");
  expect(await curl("client", "http://192.168.100.11:30080")).toContain("pod: back-end-");
  expect(await curl("client", "http://192.168.100.200")).toContain("client: 192.168.100.10:");
  expect((await sealane.run("exec", "pod/multi-0", "--", "dig", "+short", "db.tour.svc.cluster.local")).stdout).toMatch(
    /^10\.244\S+\n10\.244\S+\n$/,
  );
}

describe("a lab with --state", () => {
  let first = "";
  beforeAll(async () => {
    expect(await sealane.run("up", "-d", "--state", state, "-f", tourFile)).toMatchObject({ code: 0, stderr: "" });
    first = await remembered();
    expect(first.split("\n").length).toBeGreaterThan(15);
  });

  it("has the same objects, addresses and ports after `down` and `up`, and traffic flows", async () => {
    await sealane.run("down");
    expect(await sealane.run("up", "-d", "--state", state)).toMatchObject({ code: 0, stderr: "" });
    expect(await remembered()).toBe(first);
    await expectTraffic();
  });

  it("has them after its supervisor was killed with -9", async () => {
    const record = JSON.parse(
      readFileSync(join(sealane.directory, `sealane-${process.getuid?.()}`, "default", "lab.json"), "utf8"),
    ) as { readonly hostPid: number };
    process.kill(record.hostPid, "SIGKILL");
    await until("all processes have ended", () => processesWith(sealane.directory).length === 0);
    expect(await sealane.run("up", "-d", "--state", state)).toMatchObject({ code: 0, stderr: "" });
    expect(await remembered()).toBe(first);
    await expectTraffic();
  });

  it("takes the same manifests again, and gives nobody's address away", async () => {
    await sealane.run("down");
    expect(await sealane.run("up", "-d", "--state", state, "-f", tourFile)).toMatchObject({ code: 0, stderr: "" });
    expect(await remembered()).toBe(first);
    const service = "{type: NodePort, selector: {app: multi}, ports: [{port: 80, nodePort: 30080}]}";
    const manifest = `apiVersion: v1\nkind: Service\nmetadata: {name: late}\nspec: ${service}\n`;
    await sealane.run("down");
    const taken = await sealane.runWith(manifest, "up", "-d", "--state", state, "-f", "-");
    expect(taken).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("provided port is already allocated") as string,
    });
  });
});
