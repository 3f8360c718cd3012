import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
    writeFileSync(
      corefile,
      `.:53 {
        errors
        health
        ready
        kubernetes cluster.local in-addr.arpa ip6.arpa {
          pods insecure
          fallthrough in-addr.arpa ip6.arpa
          ttl 30
        }
        prometheus :9153
        forward . /etc/resolv.conf
        cache 30
        loop
        reload
        loadbalance
      }`,
    );
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
    expect((await page(":8181/ready")).stdout).toBe("OK");
    expect((await page(":9153/metrics")).stdout).toContain("coredns_dns_requests_total{");
    await sealane.run("down", "--name", "corefile");
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
