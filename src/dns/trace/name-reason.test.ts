import { describe, expect, it } from "vitest";
import { namespace, service, services, slice, slices } from "../../../test/dns/cluster.ts";
import { parseLabelSelector } from "../../objects/index.ts";
import type { ServiceImport } from "../../objects/index.ts";
import { importedObjects } from "../imported-services.ts";
import { MemoryCache } from "../memory-cache.ts";
import { nameReason } from "./name-reason.ts";
import type { ClusterFacts, NameReason } from "./name-reason.ts";
import { nearNames } from "./near-names.ts";

const waiting = slice("tour", "waiting", "waiting-1", [["10.244.9.9", undefined, false]]);
const facts: ClusterFacts = {
  domain: "cluster.local",
  services: new MemoryCache([
    ...services,
    service("tour", "waiting", { clusterIP: "None", selector: { app: "x" } }),
    service("tour", "nobody", { clusterIP: "None", selector: { app: "nobody", tier: "db" } }),
    service("shop", "web", { clusterIP: "10.96.7.7", clusterIPs: ["10.96.7.7"] }),
    service("tour", "zoned", { clusterIP: "None" }),
  ]),
  endpointSlices: new MemoryCache([
    ...slices,
    {
      ...slice("tour", "zoned", "zoned-1", []),
      endpoints: [
        { addresses: ["10.244.8.1"], zone: "A" },
        { addresses: ["10.244.8.2"], zone: "corp.example.com" },
        { addresses: ["10.244.8.3"] },
        { addresses: ["10.244.8.4"], zone: "d", conditions: { ready: false } },
      ],
    },
    {
      ...waiting,
      endpoints: waiting.endpoints.map((one) => ({ ...one, targetRef: { kind: "Pod", name: "waiting-0" } })),
    },
  ]),
  namespaces: new MemoryCache(["default", "kube-system", "tour", "shop"].map(namespace)),
  isSynced: true,
  pods: "insecure",
};

const rows: readonly (readonly [
  name: string,
  type: string,
  kind: NameReason["kind"] | undefined,
  text: string,
  near?: readonly string[],
])[] = [
  ["web.tour.svc.cluster.local.", "A", "known", "Service tour/web"],
  ["WEB.Tour.svc.Cluster.Local", "A", "known", "Service tour/web"],
  ["web.tour.svc.cluster.local.", "AAAA", "other family", "Service tour/web has IPv4 addresses only"],
  ["six.tour.svc.cluster.local.", "A", "other family", "Service tour/six has IPv6 addresses only"],
  ["db.tour.svc.cluster.local.", "A", "known", "headless Service tour/db (2 ready endpoints)"],
  ["db-1.db.tour.svc.cluster.local.", "A", "known", "endpoint 10.244.2.5 of Service tour/db"],
  [
    "db-9.db.tour.svc.cluster.local.",
    "A",
    "no such endpoint",
    "Service tour/db has no endpoint db-9: its endpoints are called db-0, db-1",
    ["db-0", "db-1"],
  ],
  ["legacy-db.tour.svc.cluster.local.", "A", "known", "Service tour/legacy-db is an alias of db.example.com"],
  [
    "x.legacy-db.tour.svc.cluster.local.",
    "A",
    "no such endpoint",
    "Service tour/legacy-db is an alias, so nothing is below it",
  ],
  [
    "waiting.tour.svc.cluster.local.",
    "A",
    "no ready endpoints",
    "headless Service tour/waiting has no ready endpoint: pod/waiting-0 is not ready",
  ],
  [
    "10-244-9-9.waiting.tour.svc.cluster.local.",
    "A",
    "no ready endpoints",
    "endpoint pod/waiting-0 of Service tour/waiting is not ready",
  ],
  [
    "nobody.tour.svc.cluster.local.",
    "A",
    "no ready endpoints",
    "headless Service tour/nobody has no ready endpoint: no running pod in tour has app=nobody,tier=db",
  ],
  [
    "empty.tour.svc.cluster.local.",
    "A",
    "no ready endpoints",
    "headless Service tour/empty has no ready endpoint: it has no selector, and no EndpointSlice has endpoints for it",
  ],
  ["wbe.tour.svc.cluster.local.", "A", "no such service", "there is no Service tour/wbe", ["web.tour"]],
  [
    "web.default.svc.cluster.local.",
    "A",
    "no such service",
    "there is no Service default/web",
    ["web.tour", "web.shop"],
  ],
  ["nothing.tuor.svc.cluster.local.", "A", "no such namespace", "there is no namespace tuor", ["namespace tour"]],
  ["web.tuor.svc.cluster.local.", "A", "no such namespace", "there is no namespace tuor", ["web.tour"]],
  ["web.svc.cluster.local.", "A", "no such namespace", "there is no namespace web", ["web.tour", "web.shop"]],
  ["_http._tcp.web.tour.svc.cluster.local.", "SRV", "known", "Service tour/web has the port http/tcp"],
  [
    "_https._tcp.web.tour.svc.cluster.local.",
    "SRV",
    "no such port",
    "Service tour/web has no port https/tcp: its ports with names are http/tcp, metrics/tcp",
  ],
  [
    "_http._tcp.unnamed.tour.svc.cluster.local.",
    "SRV",
    "no such port",
    "Service tour/unnamed has no port http/tcp: no port of it has a name",
  ],
  ["a.b.c.web.tour.svc.cluster.local.", "A", "no such service", "no name of a Service has so many parts"],
  ["tour.svc.cluster.local.", "A", "known", "namespace tour is below this name, which itself has no records"],
  ["svc.cluster.local.", "A", "known", "every namespace is below this name"],
  ["cluster.local.", "SOA", "known", "the zone cluster.local itself"],
  ["web.tour.cluster.local.", "A", "nothing here", "nothing but svc and pod is in cluster.local"],
  [
    "10-244-1-5.tour.pod.cluster.local.",
    "A",
    "known",
    "pod names of this form are addresses spelled out (pods insecure)",
  ],
  ["nonsense.tour.pod.cluster.local.", "A", "no such pod", "nonsense spells no address"],
  ["10-244-1-5.nowhere.pod.cluster.local.", "A", "no such namespace", "there is no namespace nowhere", []],
  ["example.com.", "A", undefined, ""],
];

const table = rows.map(([name, type, kind, text, near = []]) => [name, type, kind, text, near] as const);

describe("nameReason()", () => {
  it.each(table)("of %s %s: %s", (name, type, kind, text, near) => {
    const reason = nameReason(name, type, facts);
    expect(reason?.kind).toBe(kind);
    if (reason !== undefined) expect({ text: reason.text, near: reason.near }).toEqual({ text, near });
  });
  it("knows nothing for sure before everything has arrived", () => {
    expect(nameReason("wbe.tour.svc.cluster.local.", "A", { ...facts, isSynced: false })?.kind).toBe("not synced");
    expect(nameReason("web.tour.svc.cluster.local.", "A", { ...facts, isSynced: false })?.kind).toBe("known");
  });
  it("says that names of pods are turned off", () => {
    expect(nameReason("10-244-1-5.tour.pod.cluster.local.", "A", { ...facts, pods: "disabled" })?.text).toBe(
      "names of pods are turned off (pods disabled)",
    );
    expect(nameReason("10-244-1-5.tour.pod.cluster.local.", "A", { ...facts, pods: "verified" })?.kind).toBe("known");
  });
  it.each([
    [
      "web.tour.svc.cluster.local.",
      { namespaces: ["shop", "default"] },
      "shows only the namespaces shop, default, not tour",
    ],
    ["10-244-1-5.tour.pod.cluster.local.", { namespaces: ["shop"] }, "shows only the namespaces shop, not tour"],
    [
      "web.tour.svc.cluster.local.",
      { labels: parseLabelSelector("team=a") },
      "leaves Service tour/web out, because of its labels (labels, about team)",
    ],
    ["db.tour.svc.cluster.local.", { withEndpoints: false }, "headless Service tour/db has no addresses, because"],
    ["web.shop.svc.cluster.local.", { ignoreEmptyService: true }, "leaves such Services out (ignore empty_service)"],
    ["a.pin._zone.db.tour.svc.cluster.local.", { zonal: false }, "names of zones are turned off: kubernetes in the"],
    ["a.pin._zone.pending.tour.svc.cluster.local.", { withEndpoints: false }, "there are no names of zones, because"],
  ] as const)("says that the configuration leaves %s out: %o", (name, change, text) => {
    const all = { namespaces: [], labels: [], ignoreEmptyService: false, withEndpoints: true, zonal: true };
    const shown = { ...all, ...change, file: "Corefile", line: 3 };
    const reason = nameReason(name, "A", { ...facts, shown });
    expect(reason?.kind).toBe("left out");
    expect(reason?.text).toContain(text);
    expect(reason?.text).toContain("Corefile:3");
    expect(nameReason(name, "A", { ...facts, shown: { ...shown, ...all } })?.kind).not.toBe("left out");
  });
  it.each([
    ["a.pin", "A", "known", "headless Service tour/zoned (1 ready endpoint in zone a)"],
    [
      "a.prefer",
      "AAAA",
      "other family",
      "headless Service tour/zoned (1 ready endpoint in zone a) has IPv4 addresses only",
    ],
    ["corp.example.com.pin", "A", "known", "headless Service tour/zoned (1 ready endpoint in zone corp.example.com)"],
    [
      "d.pin",
      "A",
      "no ready endpoints",
      "headless Service tour/zoned has no ready endpoint in zone d: they are in a, corp.example.com",
    ],
    [
      "d.prefer",
      "A",
      "known",
      "headless Service tour/zoned has no ready endpoint in zone d, so that prefer gives all (3 ready endpoints)",
    ],
    ["a.pni", "A", "no such endpoint", "in front of _zone stands pin or prefer, not pni"],
    ["pin", "A", "known", "the zones of Service tour/zoned are below this name"],
  ])("of %s._zone %s", (front, type, kind, text) => {
    const shown = { namespaces: [], labels: [], ignoreEmptyService: false, withEndpoints: true, zonal: true };
    const zonal = { ...facts, shown: { ...shown, file: "Corefile", line: 3 } };
    const reason = nameReason(`${front}._zone.zoned.tour.svc.cluster.local.`, type, zonal);
    expect(reason).toMatchObject({ kind, text });
    expect(nameReason(`${front}._zone.web.tour.svc.cluster.local.`, type, zonal)?.text).toBe(
      "Service tour/web is not headless: only headless Services have names of zones",
    );
    expect(nameReason(`${front}._zone.wbe.tour.svc.cluster.local.`, type, zonal)?.kind).toBe("no such service");
    expect(nameReason(`${front}._zone.empty.tour.svc.cluster.local.`, type, zonal)?.text).toMatch(
      /it has none at all|pin or prefer|below this name/,
    );
  });
  it.each([
    ["web.tour", "A", "known", "ServiceImport tour/web"],
    ["web.tour", "AAAA", "other family", "ServiceImport tour/web has IPv4 addresses only"],
    ["wbe.tour", "A", "no such service", "there is no ServiceImport tour/wbe"],
    ["db.tour", "A", "known", "headless ServiceImport tour/db (2 ready endpoints)"],
    ["db-0.east.db.tour", "A", "known", "endpoint 10.244.1.5 of ServiceImport tour/db"],
    ["10-244-1-6.east.db.tour", "A", "known", "endpoint 10.244.1.6 of ServiceImport tour/db"],
    [
      "db-0.west.db.tour",
      "A",
      "no such endpoint",
      "ServiceImport tour/db has no endpoint db-0.west: its endpoints are called db-0.east, 10-244-1-6.east",
    ],
    [
      "db-0.db.tour",
      "A",
      "no such endpoint",
      "ServiceImport tour/db has no endpoint db-0: its endpoints are called db-0.east, 10-244-1-6.east",
    ],
    ["_sql._tcp.db.tour", "SRV", "known", "ServiceImport tour/db has the port sql/tcp"],
    ["a.pin._zone.db.tour", "A", "no such service", "no name of a ServiceImport has so many parts"],
    [
      "nobody.tour",
      "A",
      "no ready endpoints",
      "headless ServiceImport tour/nobody has no ready endpoint: no EndpointSlice has endpoints for it",
    ],
  ])("of what other clusters export: %s %s", (front, type, kind, text) => {
    const made = (name: string, spec: ServiceImport["spec"]): ServiceImport => ({
      apiVersion: "multicluster.x-k8s.io/v1alpha1",
      kind: "ServiceImport",
      metadata: { namespace: "tour", name },
      ...(spec === undefined ? {} : { spec }),
    });
    const labels = {
      "multicluster.kubernetes.io/service-name": "db",
      "multicluster.kubernetes.io/source-cluster": "east",
    };
    const db = slice("tour", "db", "db-east", [["10.244.1.5", "db-0"], ["10.244.1.6"]], [{ name: "sql", port: 5432 }]);
    const objects = importedObjects(
      {
        serviceImports: new MemoryCache([
          made("web", { type: "ClusterSetIP", ips: ["10.1.1.1"] }),
          made("db", { type: "Headless" }),
          made("nobody", { type: "Headless" }),
        ]),
        endpointSlices: new MemoryCache([{ ...db, metadata: { ...db.metadata, labels } }]),
      },
      "address",
    );
    const imported = { ...facts, ...objects, isImported: true, domain: "clusterset.local" };
    expect(nameReason(`${front}.svc.clusterset.local.`, type, imported)).toMatchObject({ kind, text });
    expect(nameReason(`${front}.svc.cluster.local.`, type, imported)).toBeUndefined();
  });
  it("takes a namespace for there when a Service is in it, where nothing tells of namespaces", () => {
    const { namespaces: _, ...others } = facts;
    expect(nameReason("x.tour.svc.cluster.local.", "A", others)?.kind).toBe("no such service");
    expect(nameReason("x.nowhere.svc.cluster.local.", "A", others)?.kind).toBe("no such namespace");
  });
});

describe("nearNames()", () => {
  const near: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ["wbe", ["web", "api", "webs"], ["web"]],
    ["cart", ["carts", "card", "chart", "cart", "basket"], ["card", "carts", "chart"]],
    ["payment", ["payments", "paymentes", "pay"], ["payments", "paymentes"]],
    ["db", ["dc", "redis", "a"], ["dc"]],
    ["x", [], []],
  ];
  it.each(near)("of %s among %j", (name, known, expected) => expect(nearNames(name, known)).toEqual(expected));
});
