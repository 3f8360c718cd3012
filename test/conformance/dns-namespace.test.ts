import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ip, seededRandom } from "../../src/core/index.ts";
import { createClusterDns, resolvConfOf } from "../../src/dns/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  openDatagramBatches,
  removeNamespace,
  runProgram,
} from "../../src/kernel/index.ts";
import { listenDns, systemClock } from "../../src/net/index.ts";
import type { DnsListener } from "../../src/net/index.ts";
import { clusterCaches, outside } from "../dns/cluster.ts";

let folder: string;
let namespace: string;
let listener: DnsListener;
let socketsAtOnce: string;

/** Runs a command where a pod of the namespace `tour` would, with that pod's resolver file. */
function inPod(command: string): Promise<string> {
  const script = `mount --bind ${join(folder, "resolv.conf")} /etc/resolv.conf && ${command}`;
  return runProgram(["unshare", "-m", "sh", "-c", script], { namespace });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-dns-"));
  namespace = join(folder, "node");
  createNamespace(namespace, () =>
    applyLinkSteps([
      { kind: "link", name: "lo", state: "up" },
      { kind: "address", link: "lo", address: ip("10.96.0.10"), prefix: 32 },
    ]),
  );
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "tour", name: "web-1" },
    spec: { containers: [] },
  };
  const host = { nameservers: [], searches: [], options: [] };
  const text = resolvConfOf(pod, { clusterDomain: "cluster.local", nameservers: ["10.96.0.10"], host });
  writeFileSync(join(folder, "resolv.conf"), text);
  const dns = createClusterDns({
    caches: clusterCaches(),
    upstreams: [{ address: ip("192.168.100.1"), port: 53 }],
    dial: outside,
    clock: systemClock,
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
  });
  [listener, socketsAtOnce] = inNamespace(namespace, () => {
    const made = listenDns({
      addresses: ["10.96.0.10"],
      port: 53,
      answer: dns.answer,
      batches: openDatagramBatches(),
      synchronous: true,
    });
    const tables = ["udp", "tcp", "tcp6"].map((table) => readFileSync(`/proc/thread-self/net/${table}`, "utf8"));
    return [made, tables.join("")] as const;
  });
  await listener.ready;
});

afterAll(async () => {
  await listener.close(0);
  removeNamespace(namespace);
  rmSync(folder, { recursive: true });
});

describe("listenDns() in another namespace", () => {
  it("has its sockets there before it returns", () => {
    // 10.96.0.10 and port 53 as the kernel prints them; TCP on any address.
    expect(socketsAtOnce).toMatch(/ 0A00600A:0035 /);
    expect(socketsAtOnce).toMatch(/ 0{8,32}:0035 0+:0000 0A /);
  });

  const lookups: readonly (readonly [string, readonly string[]])[] = [
    ["getent ahostsv4 web", ["10.96.1.1"]],
    ["getent ahostsv4 web.tour", ["10.96.1.1"]],
    ["getent ahostsv4 web.tour.svc", ["10.96.1.1"]],
    ["getent ahostsv4 web.tour.svc.cluster.local", ["10.96.1.1"]],
    ["getent ahostsv4 kubernetes.default", ["10.96.0.1"]],
    ["getent ahostsv4 db", ["10.244.1.5", "10.244.2.5"]],
    ["getent ahostsv4 db-1.db", ["10.244.2.5"]],
    ["getent ahostsv4 legacy-db", ["192.168.100.50", "192.168.100.51"]],
    ["getent ahostsv4 db.example.com", ["192.168.100.50", "192.168.100.51"]],
    ["dig +short +search dual AAAA", ["fd00:96::3"]],
    ["dig +short +search web", ["10.96.1.1"]],
    ["dig +short +tcp +search web", ["10.96.1.1"]],
  ];
  it.each(lookups)("%s", async (command, expected) => {
    const found = (await inPod(command)).split("\n").filter((line) => line !== "");
    expect([...new Set(found.map((line) => line.split(/\s/)[0]))].toSorted()).toEqual(expected);
  });

  it("getent hosts finds the name of an address", async () => {
    expect(await inPod("getent hosts 10.96.1.1")).toContain("web.tour.svc.cluster.local");
  });

  it("getent does not find what is not there", async () => {
    await expect(inPod("getent ahostsv4 nothing")).rejects.toMatchObject({ code: "ProgramFailed" });
  });

  it("nslookup uses the search list", async () => {
    expect(await inPod("nslookup web")).toMatch(/Name:\s+web\.tour\.svc\.cluster\.local\s+Address: 10\.96\.1\.1/);
  });
});
