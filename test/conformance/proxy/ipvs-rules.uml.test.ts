import { execFileSync } from "node:child_process";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace, openIpvsRules } from "../../../src/kernel/index.ts";
import { schedulerAnnotation } from "../../../src/model/index.ts";
import type { Scheduler } from "../../../src/model/index.ts";
import { systemClock } from "../../../src/net/index.ts";
import { ipvsEngine } from "../../../src/proxy/index.ts";
import { until } from "../../lab/own-namespaces.ts";
import { ClusterUnderTest } from "./cluster.ts";
import { echo } from "./echo.ts";
import { ipvs } from "./engines.ts";
import { ipvsState } from "./ipvs-state.ts";
import type { PodName } from "./places.ts";
import { addressOf } from "./places.ts";
import { virtualAddresses } from "./service-objects.ts";
import type { SliceEntry } from "./service-objects.ts";
import { clusterIP, loadBalancerIP } from "./targets.ts";

/** What kube-proxy's mode ipvs left: the address of a Service, and those of one that is gone. */
const ofKubeProxy = [`${virtualAddresses(1, "IPv4").cluster}/32`, "10.96.99.99/32", "fd00:96::9999/128"];

// Round robin as users have it; the suite's own default is another.
const cluster = new ClusterUnderTest({
  ...ipvs,
  open: (namespace) => ipvsEngine({ ipvs: openIpvsRules({ namespace }), clock: systemClock }),
});
beforeAll(async () => {
  run("ipvsadm", "-A", "-t", "198.51.100.7:99", "-s", "wlc");
  run("ip", "link", "add", "kube-ipvs0", "type", "dummy");
  for (const address of ofKubeProxy) run("ip", "address", "add", address, "dev", "kube-ipvs0");
  await cluster.start();
});
afterAll(() => cluster.stop());
/** A busy machine makes a user-mode kernel very slow. */
const patienceMs = 50_000;
let number = 0;

function run(program: string, ...args: readonly string[]): string {
  return inNamespace(cluster.network.path("node-1"), () => execFileSync(program, args, { encoding: "utf8" }));
}

const everyone: readonly PodName[] = ["a1", "a2", "b1"];
const weighted: readonly SliceEntry[] = [
  { pod: "a1", weight: 1 },
  { pod: "a2", weight: 2 },
  { pod: "b1", weight: 5 },
];

/** Serves a new Service with this scheduler, and gives its number. */
async function serve(entries: readonly (PodName | SliceEntry)[], scheduler?: Scheduler): Promise<number> {
  const own = ++number;
  const options = scheduler === undefined ? {} : { annotations: { [schedulerAnnotation]: scheduler } };
  await cluster.serve(`ipvs-${own}`, own, entries, options);
  return own;
}

/** Which pods `times` connections of the client reach, one after the other; `keep` leaves all of them open meanwhile. */
async function reached(own: number, times: number, keep: boolean): Promise<readonly string[]> {
  const pods: string[] = [];
  const open: Socket[] = [];
  for (let i = 0; i < times; i++) {
    const { socket, greeting } = await cluster.senders.connect("client", clusterIP(own));
    pods.push(greeting.pod);
    if (keep) open.push(socket);
    else socket.resetAndDestroy();
  }
  for (const socket of open) socket.resetAndDestroy();
  return pods;
}

function counts(pods: readonly string[]): readonly number[] {
  return everyone.map((pod) => pods.filter((one) => one === pod).length);
}

describe("a scheduler", () => {
  it.each<[Scheduler | undefined, readonly (PodName | SliceEntry)[], number, boolean, readonly number[]]>([
    [undefined, everyone, 9, false, [3, 3, 3]],
    [undefined, weighted, 16, false, [2, 4, 10]],
    ["rr", weighted, 9, false, [3, 3, 3]],
    ["wrr", weighted, 16, false, [2, 4, 10]],
    ["lc", everyone, 9, true, [3, 3, 3]],
    ["wlc", weighted, 16, true, [2, 4, 10]],
    ["sed", weighted, 8, true, [1, 2, 5]],
    // Nobody idle is left out, whatever its weight.
    ["nq", weighted, 3, true, [1, 1, 1]],
    ["fo", weighted, 6, true, [0, 0, 6]],
    // The heaviest until it has more connections than its weight, then the next.
    ["ovf", weighted, 9, true, [0, 3, 6]],
  ])("%s spreads connections over %j (%i connections, kept %s)", async (scheduler, entries, times, keep, expected) => {
    const own = await serve(entries, scheduler);
    expect(counts(await reached(own, times, keep))).toEqual(expected);
  });

  it.each<[Scheduler]>([["sh"], ["dh"], ["lblc"], ["lblcr"], ["mh"]])(
    "%s keeps a client at one endpoint",
    async (scheduler) => {
      const own = await serve(everyone, scheduler);
      const pods = await reached(own, 6, false);
      expect(new Set(pods).size).toBe(1);
      expect(everyone).toContain(pods[0]);
    },
  );

  it("may change while the Service is used", async () => {
    const own = await serve(weighted, "rr");
    await serve([], "rr");
    cluster.services.set({ ...serviceNamed(own), metadata: { ...serviceNamed(own).metadata, annotations: {} } });
    await cluster.settled();
    expect(counts(await reached(own, 16, false))).toEqual([2, 4, 10]);
  });
});

function serviceNamed(own: number) {
  const service = cluster.services.list().find(({ metadata }) => metadata.name === `ipvs-${own}`);
  if (service === undefined) throw new Error(`no Service ${own}`);
  return service;
}

describe("an endpoint that goes", () => {
  it("gets no new connections, and stays until its last one has ended", async () => {
    const own = await serve(["a1", "b1"]);
    const { destination } = clusterIP(own);
    const destinations = () => run("ipvsadm", "-L", "-n", "-t", `${destination}:80`);
    const open = [];
    for (let i = 0; i < 2; i++) open.push(await cluster.senders.connect("client", clusterIP(own)));
    const leaving = open.find(({ greeting }) => greeting.pod === "b1");
    await cluster.endpoints(`ipvs-${own}`, ["a1"]);
    expect(destinations()).toMatch(/-> 10\.244\.2\.2:8080 +Masq +0 +1 /);
    expect(counts(await reached(own, 4, false))).toEqual([4, 0, 0]);
    expect(await echo(leaving?.socket ?? fail())).toBe("still there");
    for (const { socket } of open) socket.resetAndDestroy();
    await until("it is gone", () => !destinations().includes("10.244.2.2") || undefined, patienceMs);
    expect(destinations()).toContain("10.244.1.2:8080");
  });

  it("takes connections again when it comes back before that", async () => {
    const own = await serve(["a1", "b1"]);
    const open = await cluster.senders.connect("client", clusterIP(own));
    const other = open.greeting.pod === "b1" ? "a1" : "b1";
    await cluster.endpoints(`ipvs-${own}`, [other]);
    await cluster.endpoints(`ipvs-${own}`, ["a1", "b1"]);
    expect(counts(await reached(own, 4, false))).toEqual([2, 0, 2]);
    open.socket.destroy();
  });
});

function fail(): never {
  throw new Error("no connection went to b1");
}

describe("the node's own programs", () => {
  it("are not reachable through a Service's address", async () => {
    const server = inNamespace(cluster.network.path("node-1"), () =>
      createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(JSON.stringify({ pod: "the node", client: "" }));
      }).listen(9999),
    );
    const own = await serve(["b1"]);
    const direct = { ...clusterIP(own), destination: addressOf("node-1", "IPv4"), port: 9999 };
    expect(await cluster.senders.open("a1", direct, 5000)).toMatchObject({ pod: "the node" });
    expect(await cluster.senders.open("a1", { ...clusterIP(own), port: 9999 }, 5000)).toMatchObject({
      kind: "refused",
    });
    server.close();
  });
});

describe("what others do", () => {
  it("to all virtual servers is repaired", async () => {
    const own = await serve(["b1"]);
    run("ipvsadm", "-C");
    run("ipvsadm", "-A", "-t", "198.51.100.7:99", "-s", "wlc");
    await until(
      "it is served again",
      async () => {
        const answer = await cluster.senders.open("a1", clusterIP(own), 300);
        return answer.kind === "answer" ? answer : undefined;
      },
      patienceMs,
    );
  });

  it("to the node's addresses moves node ports", async () => {
    const own = ++number;
    await cluster.serve(`ipvs-${own}`, own, ["b1"], { spec: { type: "NodePort" } });
    const target = { ...clusterIP(own), destination: "192.168.100.77", port: 30_000 + own };
    run("ip", "address", "add", "192.168.100.77/32", "dev", "eth0");
    await until(
      "the new address serves",
      async () => {
        const answer = await cluster.senders.open("a1", target, 300);
        return answer.kind === "answer" ? answer : undefined;
      },
      patienceMs,
    );
    run("ip", "address", "delete", "192.168.100.77/32", "dev", "eth0");
    const gone = () => !run("ipvsadm", "-S", "-n").includes("192.168.100.77") || undefined;
    await until("the old address is gone", gone, patienceMs);
  });
});

describe("a scheduler that this kernel lacks", () => {
  it("is named, with what to do", async () => {
    const rules = openIpvsRules({ namespace: cluster.network.path("node-1") });
    const server = { protocol: "TCP", ip: addressOf("node-1", "IPv4"), port: 7, scheduler: "twos", flags: [] } as const;
    await expect(rules.apply([{ kind: "servers", changes: [{ kind: "add-server", server }] }])).rejects.toThrow(
      "This kernel has no IPVS scheduler twos: load it with `modprobe ip_vs_twos`",
    );
    rules.close();
  });
});

describe("addresses of Services", () => {
  it("are routes, and what kube-proxy left of them as addresses is gone", async () => {
    const { socket, greeting } = await cluster.senders.connect("client", clusterIP(1));
    expect(everyone).toContain(greeting.pod);
    socket.destroy();
    expect(run("ip", "address", "show", "dev", "kube-ipvs0", "scope", "global")).toBe("");
    const routes = [run("ip", "route", "show", "table", "local"), run("ip", "-6", "route", "show", "table", "local")];
    expect(routes.join("")).toMatch(new RegExp(`^local ${clusterIP(1).destination} dev kube-ipvs0 `, "m"));
    expect(routes.join("")).not.toMatch(/10\.96\.99\.99|fd00:96::9999/);
  });
});

describe("removal", () => {
  it("leaves nothing of ours and all of others", async () => {
    const own = ++number;
    const spec = { type: "LoadBalancer", externalTrafficPolicy: "Local", sessionAffinity: "ClientIP" } as const;
    await cluster.serve(`ipvs-${own}`, own, everyone, { spec });
    expect(await cluster.senders.open("a1", loadBalancerIP(own), 5000)).toMatchObject({ kind: "answer" });
    const path = cluster.network.path("node-1");
    expect(await ipvsState(path)).toContain("SEALANE");
    await cluster.stopProxies({ cleanup: true });
    expect((await ipvsState(path)).trim()).toBe("");
    expect(run("ipvsadm", "-S", "-n").trim()).toBe("-A -t 198.51.100.7:99 -s wlc");
    expect(run("ip", "link")).not.toContain("kube-ipvs0");
    expect(run("iptables-legacy-save")).not.toContain("SEALANE");
    expect(run("ip6tables-legacy-save")).not.toContain("SEALANE");
  });
});
