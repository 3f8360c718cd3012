import { resolvConfOf } from "../dns/index.ts";
import { createSocket } from "node:dgram";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FakeCluster } from "../../test/lab/fake-cluster.ts";
import { enterOwnNamespaces, until } from "../../test/lab/own-namespaces.ts";
import { ip, silentLogger } from "../core/index.ts";
import { inNamespace } from "../kernel/index.ts";
import { systemClock } from "../net/index.ts";
import { isPodReady } from "../objects/index.ts";
import type { Container, Pod, PodSpec, Service } from "../objects/index.ts";
import { buildTopology, dialFrom, planTopology, startOutsideHost, startPodRuntime } from "./index.ts";
import type { BuiltIns, NodeMachine, PodRuntime, RunningOutsideHost } from "./index.ts";

const resolver = {
  clusterDomain: "cluster.local",
  nameservers: ["10.96.0.10"],
  host: { nameservers: [], searches: [], options: [] },
};

const cluster = new FakeCluster();
const topology = planTopology({ nodes: 2 });
const runtimes = new Map<string, PodRuntime>();
const builtIns: Record<string, BuiltIns[string]> = {};
let outside: RunningOutsideHost;

const start = async (node: NodeMachine) =>
  runtimes.set(
    node.name,
    await startPodRuntime({
      nodeName: node.name,
      nodeAddress: node.address,
      podCidr: node.podCidr,
      masquerade: { clusterPods: topology.pods, nodeAddresses: topology.nodeAddresses },
      pods: cluster.pods,
      services: cluster.services,
      api: cluster.api,
      recorder: cluster.recorder,
      clock: systemClock,
      log: silentLogger,
      dns: { domain: "cluster.local", resolvConf: (pod) => resolvConfOf(pod, resolver) },
      builtIns,
    }),
  );

beforeAll(async () => {
  enterOwnNamespaces();
  buildTopology(topology);
  for (const node of topology.nodes) await start(node);
  const [host] = topology.outsideHosts;
  if (host === undefined) throw new Error("no outside host");
  outside = await startOutsideHost(host, systemClock, silentLogger);
});

afterAll(async () => {
  outside?.stop();
  for (const runtime of runtimes.values()) await runtime.stop({ keep: false });
});

function create(name: string, nodeName: string, spec: Partial<PodSpec> | readonly Container[], labels = {}): Pod {
  const rest = "length" in spec ? { containers: spec } : spec;
  return cluster.put("pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", labels },
    spec: { containers: [web()], nodeName, ...rest },
  });
}

function web(extra: Partial<Container> = {}): Container {
  return { name: "web", image: "nginx:1.27", ports: [{ name: "http", containerPort: 80 }], ...extra };
}

const namespaceOf = (name: string) => {
  const pod = cluster.pod(name);
  if (pod === undefined) throw new Error(`no pod ${name}`);
  return `/run/netns/pod-${pod.metadata.uid?.replaceAll("-", "").slice(0, 12)}`;
};
const addressOf = (name: string) => ip(cluster.pod(name)?.status?.podIP ?? "");
const whenReady = (name: string) =>
  until(`${name} ready`, () => {
    const pod = cluster.pod(name);
    return pod !== undefined && isPodReady(pod) ? pod : undefined;
  });
const whenUnready = (name: string) =>
  until(`${name} unready`, () => !isPodReady(cluster.pod(name) as Pod) || undefined);

/** One HTTP request from a namespace; rejects when the connection does. */
async function request(from: string, to: string, port: number, line = "GET / HTTP/1.1", headers = ""): Promise<string> {
  const socket = dialFrom(from, ip(to), port);
  socket.setTimeout(2000, () => socket.destroy(new Error("timeout")));
  socket.write(`${line}\r\nhost: test\r\nconnection: close\r\n${headers}\r\n`);
  return text(socket);
}

async function ask(from: string, to: string, port: number, path = "/"): Promise<Record<string, unknown>> {
  const answer = await request(from, to, port, `GET ${path} HTTP/1.1`, "accept: application/json\r\n");
  return JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as Record<string, unknown>;
}

const steer = (name: string, action: string, port = 80) =>
  request(namespaceOf(name), "127.0.0.1", port, `POST /_sealane/${action} HTTP/1.1`);

describe("startPodRuntime()", () => {
  it("gives a pod an address, a namespace, its ports and a status", async () => {
    create("first", "node-1", [web()]);
    const pod = await whenReady("first");
    expect(pod.status).toMatchObject({ phase: "Running", podIP: "10.244.1.2", hostIP: "192.168.100.11" });
    expect(pod.status?.containerStatuses?.[0]).toMatchObject({ ready: true, restartCount: 0, image: "nginx:1.27" });
    expect(pod.status?.conditions?.map(({ type }) => type)).toContain("sealane.dev/stand-in");
    expect(readFileSync(`/run/sealane/places/${namespaceOf("first").slice(11)}/resolv.conf`, "utf8")).toBe(
      "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
    );
    const seen = await ask("/run/netns/node-1", addressOf("first"), 80, "/any/path?x=1");
    expect(seen).toMatchObject({ pod: "first", node: "node-1", port: 80, path: "/any/path?x=1", method: "GET" });
    expect(seen["clientAddress"]).toBe("192.168.100.11");
  });

  it("carries packets between pods of one node and of different nodes with their own addresses", async () => {
    create("a", "node-1", [web()]);
    create("b", "node-1", [web()]);
    create("c", "node-2", [web()]);
    await Promise.all(["a", "b", "c"].map(whenReady));
    for (const [from, to] of [
      ["a", "b"],
      ["a", "c"],
      ["c", "a"],
      ["a", "a"],
    ] as const) {
      const seen = await ask(namespaceOf(from), addressOf(to), 80);
      expect([seen["pod"], seen["clientAddress"]], `${from} to ${to}`).toEqual([to, addressOf(from)]);
    }
  });

  it("lets a pod reach an outside host on any port, with the node's address", async () => {
    await whenReady("a");
    for (const port of [80, 5432]) {
      const seen = await ask(namespaceOf("a"), "192.168.100.50", port);
      expect(seen).toMatchObject({ host: "db.example.com", port, clientAddress: "192.168.100.11" });
    }
    expect(await ask("/run/netns/client", "192.168.100.50", 8080)).toMatchObject({ clientAddress: "192.168.100.10" });
  });

  it("hides pods from the outside", async () => {
    await whenReady("a");
    await expect(ask("/run/netns/client", addressOf("a"), 80)).rejects.toThrow(/UNREACH|timeout|ETIMEDOUT/);
  });

  it("echoes UDP from pods and outside hosts", async () => {
    create("udp", "node-2", [web({ ports: [{ containerPort: 5353, protocol: "UDP" }] })]);
    await whenReady("udp");
    for (const [to, port, field] of [
      [addressOf("udp"), 5353, "pod"],
      ["192.168.100.50", 99, "host"],
    ] as const) {
      const socket = inNamespace(namespaceOf("a"), () => {
        const made = createSocket({ type: "udp4", lookup: (host, _o, found) => found(null, host, 4) });
        made.bind(0);
        return made;
      });
      const answer = await new Promise<string>((resolve) => {
        socket.on("message", (bytes) => resolve(bytes.toString()));
        socket.send("hello", port, to);
      });
      socket.close();
      expect(JSON.parse(answer)).toMatchObject({
        [field]: field === "pod" ? "udp" : "db.example.com",
        received: "hello",
      });
    }
  });

  it("refuses ports that a pod did not declare, and follows Services where it declared none", async () => {
    await whenReady("a");
    await expect(ask(namespaceOf("b"), addressOf("a"), 81)).rejects.toThrow("ECONNREFUSED");
    create("bare", "node-1", [{ name: "main", image: "x" }], { app: "bare" });
    await whenReady("bare");
    await expect(ask(namespaceOf("b"), addressOf("bare"), 8080)).rejects.toThrow("ECONNREFUSED");
    const service: Service = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "bare", namespace: "default" },
      spec: { selector: { app: "bare" }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    cluster.put("services", service);
    expect(await ask(namespaceOf("b"), addressOf("bare"), 8080)).toMatchObject({ pod: "bare", port: 8080 });
    cluster.remove("services", service);
    await expect(ask(namespaceOf("b"), addressOf("bare"), 8080)).rejects.toThrow("ECONNREFUSED");
  });

  it("writes one status for a pod whose first readiness probe passes at once", async () => {
    const readinessProbe = { httpGet: { path: "/r", port: "http" }, periodSeconds: 1 };
    const writes: number[] = [];
    // On a busy machine a result may come later than the first status waits for it.
    for (const name of ["probed-1", "probed-2", "probed-3"]) {
      const before = cluster.statusWrites;
      create(name, "node-1", [web({ readinessProbe })]);
      await whenReady(name);
      writes.push(cluster.statusWrites - before);
    }
    expect(writes).toContain(1);
  });

  it("takes a pod out that was told to be unready, and back", async () => {
    const readinessProbe = { httpGet: { path: "/r", port: 80 }, periodSeconds: 1, failureThreshold: 1 };
    create("moody", "node-2", [web({ readinessProbe })]);
    await whenReady("moody");
    expect(await steer("moody", "unready")).toContain('"ready":false');
    await whenUnready("moody");
    expect(await ask("/run/netns/node-2", addressOf("moody"), 80, "/r")).toMatchObject({ pod: "moody" });
    expect(cluster.events).toContain(
      "moody Warning Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 503",
    );
    expect(cluster.pod("moody")?.status?.conditions?.find(({ type }) => type === "Ready")).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [web]",
    });
    await steer("moody", "ready");
    await whenReady("moody");
  });

  it("makes pods without a probe unready at once when told", async () => {
    await whenReady("b");
    await steer("b", "unready");
    await whenUnready("b");
    await steer("b", "reset");
    await whenReady("b");
  });

  it("starts a container again whose liveness probe fails", async () => {
    const livenessProbe = { tcpSocket: { port: 80 }, periodSeconds: 1, failureThreshold: 1 };
    create("frail", "node-1", [web({ livenessProbe })]);
    await whenReady("frail");
    await steer("frail", "dead");
    await until(
      "a restart",
      () => cluster.pod("frail")?.status?.containerStatuses?.[0]?.restartCount === 1 || undefined,
    );
    expect(await ask("/run/netns/node-1", addressOf("frail"), 80)).toMatchObject({ pod: "frail" });
    expect(cluster.events).toContain("frail Normal Killing: Container web failed liveness probe, will be restarted");
  });

  it("refuses connections while dead and listens again when told on the control port", async () => {
    await whenReady("c");
    await steer("c", "dead");
    await until("refusal", () =>
      ask(namespaceOf("a"), addressOf("c"), 80).then(
        () => undefined,
        () => true,
      ),
    );
    await steer("c", "alive", 15999);
    await until("an answer", () => ask(namespaceOf("a"), addressOf("c"), 80));
  });

  it("runs pods in the node's network, and built-in programs instead of stand-ins", async () => {
    let stopped = false;
    builtIns["sealane/ingress"] = ({ address }) => ({
      stop: () => {
        stopped = address.startsWith("10.244.2.");
      },
    });
    create("host", "node-2", { hostNetwork: true, containers: [web({ ports: [{ containerPort: 9100 }] })] });
    create("router", "node-2", [web({ image: "sealane/ingress:1" })]);
    await Promise.all(["host", "router"].map(whenReady));
    expect(cluster.pod("host")?.status?.podIP).toBe("192.168.100.12");
    expect(await ask("/run/netns/client", "192.168.100.12", 9100)).toMatchObject({ pod: "host" });
    await expect(ask("/run/netns/node-2", addressOf("router"), 80)).rejects.toThrow("ECONNREFUSED");
    expect(cluster.pod("router")?.status?.conditions?.map(({ type }) => type)).not.toContain("sealane.dev/stand-in");
    const router = cluster.pod("router");
    if (router !== undefined) cluster.remove("pods", router);
    await until("stop", () => stopped || undefined);
  });

  it("serves a terminating pod's last requests, then deletes it and removes its namespace", async () => {
    create("leaving", "node-1", { containers: [web()], terminationGracePeriodSeconds: 5 });
    await whenReady("leaving");
    const path = namespaceOf("leaving");
    const address = addressOf("leaving");
    await cluster.api.delete(
      { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true },
      "default",
      "leaving",
      {
        gracePeriodSeconds: 5,
      },
    );
    expect(await ask(namespaceOf("a"), address, 80)).toMatchObject({ pod: "leaving" });
    await until("deletion", () => cluster.pod("leaving") === undefined || undefined);
    await until("removal", () => !existsSync(path) || undefined);
  });

  it("retries a status that met a conflict", async () => {
    cluster.conflicts = 2;
    create("conflict", "node-1", [web()]);
    await whenReady("conflict");
  });

  it("lets a new agent take over the pods of the old one", async () => {
    await whenReady("a");
    const address = addressOf("a");
    const [node] = topology.nodes;
    await runtimes.get("node-1")?.stop();
    await expect(ask(namespaceOf("c"), address, 80)).rejects.toThrow("ECONNREFUSED");
    const gone = cluster.pod("first");
    const goneNamespace = namespaceOf("first");
    if (gone !== undefined) cluster.remove("pods", gone);
    if (node !== undefined) await start(node);
    expect(await ask(namespaceOf("c"), address, 80)).toMatchObject({ pod: "a" });
    expect(addressOf("a")).toBe(address);
    expect(existsSync(goneNamespace)).toBe(false);
  });

  it("brings 100 pods up together", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);
    const readinessProbe = { httpGet: { path: "/r", port: 80 }, periodSeconds: 5 };
    for (const [i, name] of names.entries()) create(name, `node-${(i % 2) + 1}`, [web({ readinessProbe })]);
    await Promise.all(names.map(whenReady));
    for (const name of names) {
      const pod = cluster.pod(name);
      if (pod !== undefined) cluster.remove("pods", pod);
    }
    await until("removal", () => readdirSync("/run/netns").length < 40 || undefined);
  });
});
