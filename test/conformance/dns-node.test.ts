import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { createApiServer } from "../../src/apiserver/index.ts";
import { startNodeDns } from "../../src/app/dns/node-dns.ts";
import { connectCluster, createCache } from "../../src/client/index.ts";
import { ip, seededRandom, silentLogger } from "../../src/core/index.ts";
import { applyLinkSteps, keepFixedRules, runProgram } from "../../src/kernel/index.ts";
import { systemClock as clock } from "../../src/net/index.ts";
import { resources } from "../../src/objects/index.ts";
import { defaultProxySettings } from "../../src/proxy/index.ts";
import { service } from "../dns/cluster.ts";
import { enterOwnNamespaces } from "../lab/own-namespaces.ts";

const folder = mkdtempSync(join(tmpdir(), "sealane-node-dns-"));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

it("the DNS of a node answers from its last state while the API is away, and its metrics say so, issue-5", async () => {
  enterOwnNamespaces();
  applyLinkSteps([
    { kind: "link", name: "lo", state: "up" },
    { kind: "address", link: "lo", address: ip("192.168.100.11"), prefix: 32 },
  ]);
  const random = seededRandom(1);
  const apiSocket = join(folder, "api.sock");
  const server = await createApiServer({ random });
  let isAway = false;
  const leave = async () => {
    if (!isAway) await server.close();
    isAway = true;
  };
  cleanups.push(leave);
  await server.listenUnix(apiSocket);
  const api = await connectCluster({ socketPath: apiSocket });
  cleanups.push(() => api.close());
  await api.create(
    resources.services,
    service("default", "web", { clusterIP: "10.96.5.5", clusterIPs: ["10.96.5.5"], ports: [{ port: 80 }] }),
  );
  const caches = {
    services: createCache(api, resources.services, { clock, random }),
    endpointSlices: createCache(api, resources.endpointSlices, { clock, random }),
    namespaces: createCache(api, resources.namespaces, { clock, random }),
    clientPods: createCache(api, resources.pods, { clock, random }),
  };
  cleanups.push(() => Object.values(caches).forEach((cache) => cache.stop()));
  const dns = await startNodeDns({
    input: {
      nodeName: "node-1",
      nodeAddress: "192.168.100.11",
      zone: "a",
      podCidr: "10.244.1.0/24",
      directory: folder,
      apiSocket,
      serviceCidr: "10.96.0.0/16",
      clusterCidr: "10.244.0.0/16",
      dnsAddress: "10.96.0.10",
      clusterDomain: "cluster.local",
      dnsUpstreams: [],
      dnsCorefile: undefined,
      dnsAutopath: false,
      outsideNameserver: "192.168.100.1",
      nodeAddressRange: ["192.168.100.11", "192.168.100.49"],
      heartbeatMs: 10_000,
      proxy: defaultProxySettings,
      isSuccessor: false,
    },
    caches,
    fixedRules: keepFixedRules({ clock, log: silentLogger }),
    watch: (resource, options) => createCache(api, resource, { clock, random, ...options }),
    clock,
    random,
    log: silentLogger,
  });
  cleanups.push(() => dns.close(true));
  await dns.whenReady();

  const dig = async () => (await runProgram(["dig", "@10.96.0.10", "+short", "web.default.svc.cluster.local"])).trim();
  const page = (name: string) => runProgram(["curl", "-s", `http://10.96.0.10:9153/${name}`]);
  const connected = async () => {
    const lines = (await page("metrics")).matchAll(/^sealane_dns_watch_connected\{kind="(\w+)"\} ([01])$/gm);
    return Object.fromEntries([...lines].map(([, kind, value]) => [kind, Number(value)]));
  };
  expect(await dig()).toBe("10.96.5.5");
  expect(await connected()).toEqual({ Service: 1, EndpointSlice: 1, Namespace: 1 });
  await leave();
  await expect.poll(connected, { timeout: 10_000 }).toEqual({ Service: 0, EndpointSlice: 0, Namespace: 0 });
  expect(await dig()).toBe("10.96.5.5");
  expect([await page("health"), await page("ready")]).toEqual(["OK", "OK"]);
});
