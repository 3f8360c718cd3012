import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { kubeadmCorefile } from "../dns/kubeadm-corefile.ts";
import { Sealane, example } from "./sealane.ts";

let sealane: Sealane;

beforeAll(() => {
  sealane = new Sealane();
});
afterAll(() => sealane.cleanUp());

const pod = ["-n", "tour", "pod/multi-0", "--"] as const;

describe("the DNS of a lab's nodes", () => {
  it("is what kubeadm's Corefile says", async () => {
    const corefile = join(sealane.directory, "Corefile");
    writeFileSync(corefile, kubeadmCorefile);
    const up = await sealane.run(
      "up",
      "-d",
      "--name",
      "corefile",
      "--nodes",
      "1",
      "-f",
      example("tour"),
      "--dns-corefile",
      corefile,
    );
    expect(up).toMatchObject({ code: 0 });
    const exec = (...args: readonly string[]) => sealane.run("exec", "--name", "corefile", ...args);
    const answer = await exec(...pod, "dig", "+search", "+noall", "+answer", "web");
    expect(answer.stdout.trim().split(/\s+/).slice(0, 4)).toEqual(["web.tour.svc.cluster.local.", "30", "IN", "A"]);
    expect((await exec(...pod, "dig", "+short", "db.example.com")).stdout.trim()).toBe("192.168.100.50");
    const page = (path: string) => exec("node/node-1", "--", "curl", "-s", `http://127.0.0.1${path}`);
    expect((await page(":8080/health")).stdout).toBe("OK");
    expect((await page(":8181/ready")).stdout).toBe("OK");
    const metrics = (await page(":9153/metrics")).stdout;
    expect(metrics).toContain("\ncoredns_dns_requests_total{");
    expect(metrics).toContain("\ncoredns_build_info{");
    for (const kind of ["Service", "EndpointSlice", "Namespace"]) {
      expect(metrics).toContain(`\nsealane_dns_watch_connected{kind="${kind}"} 1\n`);
    }
    // Nobody has a page where the Corefile wants none.
    expect((await page(":9153/health")).stdout).toContain("404");
    await sealane.run("down", "--name", "corefile");
  });

  it("has its pages on every node without a Corefile, for pods too, and leaves 8080 and 8181 to pods", async () => {
    const taken = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "taken" },
      spec: {
        hostNetwork: true,
        nodeName: "node-2",
        containers: [{ name: "web", image: "nginx", ports: [{ containerPort: 8080 }, { containerPort: 8181 }] }],
      },
    };
    const manifest = join(sealane.directory, "taken.json");
    writeFileSync(manifest, JSON.stringify(taken));
    // It is up when all pods are ready.
    const up = await sealane.run("up", "-d", "--name", "pages", "--nodes", "2", "-f", example("tour"), "-f", manifest);
    expect(up).toMatchObject({ code: 0, stderr: "" });
    const curl = async (from: readonly string[], url: string) =>
      (await sealane.run("exec", "--name", "pages", ...from, "curl", "-s", "-m", "5", url)).stdout;
    for (const node of ["1", "2"]) {
      for (const path of ["health", "ready"]) {
        expect(await curl([`node/${node}`, "--"], `http://127.0.0.1:9153/${path}`)).toBe("OK");
      }
    }
    // The lookup of this name is a query that is counted.
    const metrics = await curl(pod, "http://kube-dns.kube-system:9153/metrics");
    expect(metrics).toMatch(/\ncoredns_dns_requests_total\{server="dns:\/\/:53",zone="\.",.*type="A"\} [1-9]/);
    expect(metrics).toContain('\nsealane_dns_watch_connected{kind="Service"} 1\n');
    await sealane.run("down", "--name", "pages");
  });

  it("goes through the search lists of pods when told to", async () => {
    await sealane.run("up", "-d", "--name", "autopath", "--nodes", "1", "-f", example("tour"), "--dns-autopath");
    const { stdout } = await sealane.run(
      "exec",
      "--name",
      "autopath",
      ...pod,
      "dig",
      "+search",
      "+showsearch",
      "+noall",
      "+answer",
      "db.example.com",
    );
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(/\s+/));
    expect(records.map(([owner, , , type, data]) => [owner, type, data])).toEqual([
      ["db.example.com.tour.svc.cluster.local.", "CNAME", "db.example.com."],
      ["db.example.com.", "A", "192.168.100.50"],
    ]);
    await sealane.run("down", "--name", "autopath");
  });

  it("is not started with a Corefile that cannot be used", async () => {
    const corefile = join(sealane.directory, "Wrong");
    writeFileSync(corefile, ".:53 {\n  kubernets\n}\n");
    const { code, stderr } = await sealane.run("up", "-d", "--name", "wrong", "--dns-corefile", corefile);
    expect([code, stderr]).toEqual([
      1,
      `sealane: ${corefile}:2: there is no plugin "kubernets": did you mean kubernetes?\n`,
    ]);
  });
});
