import { describe, expect, it } from "vitest";
import { cidr, seededRandom } from "../../core/index.ts";
import type { ClusterApi, Service } from "../../objects/index.ts";
import { ApiError, resources } from "../../objects/index.ts";
import { createApiServer } from "../index.ts";
import { addressBand, pickFree, portBand } from "./pick-free.ts";

const { services, ipAddresses } = resources;

async function cluster(options: Parameters<typeof createApiServer>[0] = {}): Promise<ClusterApi> {
  return (await createApiServer({ random: seededRandom(7), ...options })).api;
}

function service(name: string, spec: Service["spec"] = {}): Service {
  const ports = [{ port: 80 }];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { ports, selector: { a: "b" }, ...spec },
  };
}

async function message(request: Promise<unknown>): Promise<string> {
  const error: unknown = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof ApiError ? `${error.status.code} ${error.message}` : `accepted or other: ${String(error)}`;
}

const change = (api: ClusterApi, name: string, spec: object) =>
  api.patch(services, "default", name, { type: "merge", body: { spec } });
const nodePorts = ({ spec }: Service) => (spec.ports ?? []).map(({ nodePort }) => nodePort);
const recorded = async (api: ClusterApi) => (await api.list(ipAddresses)).items.map(({ metadata }) => metadata.name);

describe("pickFree()", () => {
  it.each([
    [65534, 256],
    [1022, 63],
    [62, 16],
    [14, 0],
  ])("reserves of %d addresses the first %d", (size, reserved) => expect(addressBand(size).reserved).toBe(reserved));

  it("reserves the first 86 of the default node ports", () => expect(portBand(2768).reserved).toBe(86));

  it("uses the reserved part last, and gives every number once", () => {
    const taken = new Set<number>();
    const random = seededRandom(3);
    const band = { size: 20, reserved: 5 };
    const given = Array.from({ length: 21 }, () => {
      const number = pickFree(band, (candidate) => taken.has(candidate), random);
      if (number !== undefined) taken.add(number);
      return number;
    });
    expect(given.slice(0, 15).every((number) => number !== undefined && number >= 5)).toBe(true);
    expect(given.slice(15, 20).every((number) => number !== undefined && number < 5)).toBe(true);
    expect(given[20]).toBeUndefined();
    expect(taken.size).toBe(20);
  });
});

describe("cluster addresses", () => {
  it("are given, recorded as IPAddress, and released with the Service", async () => {
    const api = await cluster();
    const created = await api.create(services, service("web"));
    const { clusterIP = "", clusterIPs, ipFamilies, ipFamilyPolicy } = created.spec;
    expect(clusterIP).toMatch(/^10\.96\./);
    expect({ clusterIPs, ipFamilies, ipFamilyPolicy }).toEqual({
      clusterIPs: [clusterIP],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    });
    expect(await api.get(ipAddresses, undefined, clusterIP)).toMatchObject({
      metadata: { labels: { "ipaddress.kubernetes.io/ip-family": "IPv4" } },
      spec: { parentRef: { resource: "services", namespace: "default", name: "web" } },
    });
    await api.delete(services, "default", "web");
    expect(await recorded(api)).toEqual(["10.96.0.1"]);
  });

  it("are none for headless and ExternalName Services", async () => {
    const api = await cluster();
    const headless = await api.create(services, service("headless", { clusterIP: "None" }));
    expect(headless.spec).toMatchObject({ clusterIP: "None", clusterIPs: ["None"], ipFamilies: ["IPv4"] });
    const name = await api.create(services, service("name", { type: "ExternalName", externalName: "example.com" }));
    expect(name.spec).not.toHaveProperty("clusterIP");
    expect(name.spec).not.toHaveProperty("ipFamilies");
    expect(await recorded(api)).toEqual(["10.96.0.1"]);
  });

  it("are what was asked for, once", async () => {
    const api = await cluster();
    await api.create(services, service("a", { clusterIP: "10.96.7.7" }));
    const cases: readonly (readonly [string, string])[] = [
      [
        "10.96.7.7",
        '422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.7.7"]: failed to allocate IP 10.96.7.7: provided IP is already allocated',
      ],
      [
        "10.97.0.1",
        '422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.97.0.1"]: failed to allocate IP 10.97.0.1: the provided IP (10.97.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
      ],
      [
        "10.96.0.0",
        '422 Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.0"]: failed to allocate IP 10.96.0.0: the provided IP (10.96.0.0) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
      ],
    ];
    for (const [clusterIP, expected] of cases) {
      expect(await message(api.create(services, service("b", { clusterIP })))).toBe(expected);
    }
    expect(await message(api.create(services, service("b", { clusterIP: "fd00::1" })))).toMatch(
      /^422 .*IPv6 is not configured on this cluster$/,
    );
    expect(await message(api.create(services, service("b", { clusterIP: "ten" })))).toMatch(
      /^422 .*must be a valid IP/,
    );
    expect(await recorded(api)).toEqual(["10.96.0.1", "10.96.7.7"]);
  });

  it("run out, and come back", async () => {
    const api = await cluster({ serviceCidrs: [cidr("10.0.0.0/29")] });
    for (const name of ["a", "b", "c", "d", "e"]) await api.create(services, service(name));
    expect(await message(api.create(services, service("f")))).toBe(
      '500 failed to allocate a serviceIP for Service "f": range is full',
    );
    await api.delete(services, "default", "c");
    expect((await api.create(services, service("f"))).spec.clusterIP).toMatch(/^10\.0\.0\.[2-6]$/);
  });

  it("stay when the first manifest is sent again, empty fields included", async () => {
    const api = await cluster();
    const manifest = service("web", { type: "NodePort", clusterIP: "", ports: [{ name: "http", port: 80 }] });
    const created = await api.create(services, manifest);
    const again = await api.update(services, manifest);
    expect(again).toEqual(created);
    expect(await message(change(api, "web", { clusterIP: "10.96.5.5", clusterIPs: ["10.96.5.5"] }))).toMatch(
      /^422 .*may not change once set/,
    );
    expect(await recorded(api)).toHaveLength(2);
  });

  it("are given up for ExternalName and given anew on the way back", async () => {
    const api = await cluster();
    await api.create(services, service("web"));
    const name = await change(api, "web", { type: "ExternalName", externalName: "example.com" });
    expect(name.spec).not.toHaveProperty("clusterIP");
    expect(await recorded(api)).toEqual(["10.96.0.1"]);
    const back = await change(api, "web", { type: "ClusterIP", externalName: null });
    expect(back.spec.clusterIP).toMatch(/^10\.96\./);
    expect(await recorded(api)).toHaveLength(2);
  });

  it("of two families need a cluster that has both", async () => {
    const single = await cluster();
    expect(await message(single.create(services, service("a", { ipFamilyPolicy: "RequireDualStack" })))).toBe(
      '422 Service "a" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    );
    expect(await message(single.create(services, service("a", { ipFamilies: ["IPv6"] })))).toBe(
      '422 Service "a" is invalid: spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    );
    expect(
      (await single.create(services, service("a", { ipFamilyPolicy: "PreferDualStack" }))).spec.ipFamilies,
    ).toEqual(["IPv4"]);
    const dual = await cluster({ serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/112")] });
    const both = await dual.create(services, service("both", { ipFamilyPolicy: "PreferDualStack" }));
    expect(both.spec.ipFamilies).toEqual(["IPv4", "IPv6"]);
    expect(both.spec.clusterIPs).toEqual([expect.stringMatching(/^10\.96\./), expect.stringMatching(/^fd00:96::/)]);
    const one = await change(dual, "both", { ipFamilyPolicy: "SingleStack" });
    expect(one.spec.clusterIPs).toHaveLength(1);
    expect(await recorded(dual)).toEqual(["10.96.0.1", one.spec.clusterIP]);
  });
});

describe("node ports", () => {
  it("are given from the range and shared by protocols of one port number", async () => {
    const api = await cluster();
    const ports = [
      { name: "tcp", port: 53, protocol: "TCP" as const },
      { name: "udp", port: 53, protocol: "UDP" as const },
      { name: "other", port: 80 },
    ];
    const [tcp, udp, other] = nodePorts(await api.create(services, service("dns", { type: "NodePort", ports })));
    expect(tcp).toBe(udp);
    expect(other).not.toBe(tcp);
    for (const port of [tcp, other]) expect(port).toBeGreaterThanOrEqual(30086);
  });

  it("are what was asked for, once, within the range", async () => {
    const api = await cluster();
    const wants = (name: string, nodePort: number) =>
      service(name, { type: "NodePort", ports: [{ port: 80, nodePort }] });
    await api.create(services, wants("a", 30080));
    expect(await message(api.create(services, wants("b", 30080)))).toBe(
      '422 Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    );
    expect(await message(api.create(services, wants("b", 80)))).toBe(
      '422 Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
    await api.delete(services, "default", "a");
    expect(nodePorts(await api.create(services, wants("b", 30080)))).toEqual([30080]);
  });

  it("run out", async () => {
    const api = await cluster({ nodePorts: { first: 30000, last: 30001 } });
    for (const name of ["a", "b"]) await api.create(services, service(name, { type: "NodePort" }));
    expect(await message(api.create(services, service("c", { type: "NodePort" })))).toBe(
      "500 failed to allocate a nodePort: range is full",
    );
    expect(await recorded(api)).toHaveLength(3);
  });

  it("follow the type", async () => {
    const api = await cluster();
    await api.create(services, service("web"));
    const [given] = nodePorts(await change(api, "web", { type: "NodePort" }));
    expect(given).toBeGreaterThanOrEqual(30000);
    const balanced = await change(api, "web", { type: "LoadBalancer", externalTrafficPolicy: "Local" });
    expect(nodePorts(balanced)).toEqual([given]);
    const health = balanced.spec.healthCheckNodePort ?? 0;
    expect(health).toBeGreaterThanOrEqual(30000);
    expect(health).not.toBe(given);
    const cluster_ = await change(api, "web", { externalTrafficPolicy: "Cluster" });
    expect(cluster_.spec.healthCheckNodePort ?? 0).toBe(0);
    const plain = await change(api, "web", { type: "ClusterIP" });
    expect(nodePorts(plain)).toEqual([undefined]);
    expect(plain.spec).not.toHaveProperty("externalTrafficPolicy");
    const again = service("again", { type: "NodePort", ports: [{ port: 80, nodePort: given ?? 0 }] });
    expect(nodePorts(await api.create(services, again))).toEqual([given]);
  });

  it("are not given to a LoadBalancer that wants none, but kept when named", async () => {
    const api = await cluster();
    const spec = { type: "LoadBalancer" as const, allocateLoadBalancerNodePorts: false };
    expect(nodePorts(await api.create(services, service("none", spec)))).toEqual([undefined]);
    const named = service("named", { ...spec, ports: [{ port: 80, nodePort: 30123 }] });
    expect(nodePorts(await api.create(services, named))).toEqual([30123]);
  });

  it("of health checks are taken like any other", async () => {
    const api = await cluster();
    const local = (name: string, healthCheckNodePort: number) =>
      service(name, { type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort });
    expect((await api.create(services, local("a", 30500))).spec.healthCheckNodePort).toBe(30500);
    expect(await message(api.create(services, local("b", 30500)))).toBe(
      "500 failed to allocate requested HealthCheck NodePort 30500: provided port is already allocated",
    );
    const port = service("c", { type: "NodePort", ports: [{ port: 80, nodePort: 30500 }] });
    expect(await message(api.create(services, port))).toContain("provided port is already allocated");
  });

  it("given twice in one update are refused whole", async () => {
    const api = await cluster();
    await api.create(services, service("web", { type: "NodePort" }));
    const ports = [
      { name: "a", port: 80, protocol: "TCP" as const, nodePort: 30200 },
      { name: "b", port: 81, protocol: "TCP" as const, nodePort: 30200 },
    ];
    expect(await message(change(api, "web", { ports }))).toMatch(/^500 duplicate nodePort: /);
  });
});

describe("allocation after a restart", () => {
  it("knows what is taken", async () => {
    const stored = new Map<string, { table: string; object: Service }>();
    let version = 0;
    const persistence = {
      load: () => Promise.resolve({ version, objects: [...stored.values()] }),
      commit: (batch: { version: number; puts: readonly { table: string; object: object }[] }) => {
        version = batch.version;
        for (const entry of batch.puts as readonly { table: string; object: Service }[]) {
          stored.set(`${entry.table} ${entry.object.metadata.name}`, entry);
        }
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
    const before = await cluster({ persistence });
    const spec = { type: "NodePort" as const, clusterIP: "10.96.1.1", ports: [{ port: 80, nodePort: 30099 }] };
    await before.create(services, service("web", spec));
    const after = await cluster({ persistence });
    expect(await message(after.create(services, service("b", { clusterIP: "10.96.1.1" })))).toContain(
      "already allocated",
    );
    expect(await message(after.create(services, service("b", { type: "NodePort", ports: spec.ports })))).toContain(
      "provided port is already allocated",
    );
  });
});
