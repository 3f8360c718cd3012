import { expect } from "vitest";
import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatRecord,
  recordTypes,
  responseCodeName,
  queryMessage,
} from "../../src/codec/index.ts";
import type { Edns, Message } from "../../src/codec/index.ts";
import { ManualClock, ip, seededRandom } from "../../src/core/index.ts";
import type { EndpointSlice, Namespace, Service, ServiceSpec } from "../../src/objects/index.ts";
import { createClusterDns } from "../../src/dns/index.ts";
import type { ClusterDns, ClusterDnsOptions } from "../../src/dns/index.ts";
import { MemoryCache } from "../../src/dns/index.ts";
import type { DnsClient, DnsTransport } from "../../src/dns/index.ts";
import type { UpstreamDialer } from "../../src/dns/index.ts";

const http = { name: "http", protocol: "TCP", port: 80 } as const;

export function service(namespace: string, name: string, spec: ServiceSpec): Service {
  return { apiVersion: "v1", kind: "Service", metadata: { namespace, name }, spec };
}

type Ends = readonly (readonly [address: string, hostname?: string | undefined, ready?: boolean])[];

export function slice(
  namespace: string,
  owner: string,
  name: string,
  ends: Ends,
  ports: EndpointSlice["ports"] = [http],
): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace, name, labels: { "kubernetes.io/service-name": owner } },
    addressType: ends[0]?.[0].includes(":") === true ? "IPv6" : "IPv4",
    endpoints: ends.map(([address, hostname, ready]) => ({
      addresses: [address],
      ...(hostname === undefined ? {} : { hostname }),
      ...(ready === undefined ? {} : { conditions: { ready } }),
    })),
    ports,
  };
}

export function namespace(name: string): Namespace {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name } };
}

export const services = [
  service("default", "kubernetes", {
    clusterIP: "10.96.0.1",
    clusterIPs: ["10.96.0.1"],
    ports: [{ name: "https", port: 443 }],
  }),
  service("kube-system", "kube-dns", {
    clusterIP: "10.96.0.10",
    clusterIPs: ["10.96.0.10"],
    ports: [
      { name: "dns", protocol: "UDP", port: 53 },
      { name: "dns-tcp", protocol: "TCP", port: 53 },
    ],
  }),
  service("tour", "web", {
    clusterIP: "10.96.1.1",
    clusterIPs: ["10.96.1.1"],
    ports: [http, { name: "metrics", port: 9090 }],
  }),
  service("tour", "unnamed", { clusterIP: "10.96.1.2", clusterIPs: ["10.96.1.2"], ports: [{ port: 80 }] }),
  service("tour", "dual", { clusterIP: "10.96.1.3", clusterIPs: ["10.96.1.3", "fd00:96::3"], ports: [http] }),
  service("tour", "six", { clusterIP: "fd00:96::6", clusterIPs: ["fd00:96::6"], ports: [http] }),
  service("tour", "pending", { ports: [http] }),
  service("tour", "db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }),
  service("tour", "mixed", { clusterIP: "None", ports: [http] }),
  service("tour", "portless", { clusterIP: "None" }),
  service("tour", "empty", { clusterIP: "None", ports: [http] }),
  service("tour", "unready", { clusterIP: "None", ports: [http] }),
  service("tour", "eager", { clusterIP: "None", ports: [http], publishNotReadyAddresses: true }),
  service("tour", "legacy-api", { clusterIP: "10.96.1.9", clusterIPs: ["10.96.1.9"], ports: [http] }),
  service("tour", "legacy-db", { type: "ExternalName", externalName: "db.example.com" }),
  service("tour", "dotted", { type: "ExternalName", externalName: "db.example.com." }),
  service("tour", "inner", { type: "ExternalName", externalName: "web.tour.svc.cluster.local" }),
  service("tour", "inner-chain", { type: "ExternalName", externalName: "inner.tour.svc.cluster.local" }),
  service("tour", "inner-missing", { type: "ExternalName", externalName: "nothing.tour.svc.cluster.local" }),
  service("tour", "outer-missing", { type: "ExternalName", externalName: "nothing.example.com" }),
  service("tour", "outer-broken", { type: "ExternalName", externalName: "broken.example.com" }),
  service("tour", "loop-a", { type: "ExternalName", externalName: "loop-b.tour.svc.cluster.local" }),
  service("tour", "loop-b", { type: "ExternalName", externalName: "loop-a.tour.svc.cluster.local" }),
  service("tour", "self", { type: "ExternalName", externalName: "self.tour.svc.cluster.local" }),
  service("tour", "literal", { type: "ExternalName", externalName: "192.168.100.50" }),
];

const sql = [{ name: "sql", protocol: "TCP", port: 5432 }] as const;
export const slices = [
  slice("tour", "web", "web-1", [["10.244.1.10"], ["10.244.2.10", "named"]]),
  slice("tour", "db", "db-1", [["10.244.1.5", "db-0"]], sql),
  slice(
    "tour",
    "db",
    "db-2",
    [
      ["10.244.2.5", "db-1"],
      ["10.244.3.5", "db-2", false],
    ],
    sql,
  ),
  // Doubles happen while endpoints move between slices.
  slice("tour", "db", "db-3", [["10.244.1.5", "db-0"]], sql),
  slice("tour", "mixed", "mixed-4", [
    ["10.244.1.20"],
    ["10.244.1.21"],
    ["10.244.1.22", "twin"],
    ["10.244.1.23", "twin"],
  ]),
  slice("tour", "mixed", "mixed-6", [["fd00:244::1"], ["fd00:244::"]]),
  slice("tour", "portless", "portless-1", [["10.244.1.30"]], []),
  slice("tour", "unready", "unready-1", [["10.244.1.40", undefined, false]]),
  slice("tour", "eager", "eager-1", [["10.244.1.41", undefined, true]]),
  slice("tour", "legacy-api", "legacy-api-1", [["192.168.100.50"]]),
  slice("tour", "no-service", "orphan", [["10.244.9.9"]]),
  { ...slice("tour", "mixed", "mixed-fqdn", [["host.example.com"]]), addressType: "FQDN" as const },
];

/** A world outside: `db.example.com` with two addresses, `broken.example.com` fails, nothing else exists. */
export const outside: UpstreamDialer = {
  send: (_upstream, _transport, bytes, handlers) => {
    const query = decodeMessage(bytes);
    if (query.kind === "malformed") throw new Error(query.reason);
    const [question] = query.questions;
    const name =
      question === undefined
        ? ""
        : formatRecord({ name: question.name, type: 1, ttl: 0, rdata: Uint8Array.of(1, 1, 1, 1) }).split(" ")[0];
    const known = name?.toLowerCase() === "db.example.com." && question !== undefined;
    const isAddress = question?.type === recordTypes.A;
    const answers =
      known && isAddress
        ? [50, 51].map((last) => ({
            name: question.name,
            type: 1,
            class: 1,
            ttl: 300,
            rdata: Uint8Array.of(192, 168, 100, last),
          }))
        : [];
    const rcode = name === "broken.example.com." ? 2 : known ? 0 : 3;
    const { edns: _, ...rest } = query;
    queueMicrotask(() =>
      handlers.message(encodeMessage({ ...rest, response: true, recursionAvailable: true, rcode, answers })),
    );
    return () => undefined;
  },
};

export const silent: UpstreamDialer = { send: () => () => undefined };

/** Caches of the Services and slices above. */
export function clusterCaches() {
  return {
    services: new MemoryCache(services),
    endpointSlices: new MemoryCache(slices),
    namespaces: new MemoryCache(["default", "kube-system", "tour", "bare"].map(namespace)),
  };
}

export function cluster(options: Partial<ClusterDnsOptions> = {}): ClusterDns {
  return createClusterDns({
    caches: clusterCaches(),
    upstreams: [{ address: ip("192.168.100.1"), port: 53 }],
    dial: outside,
    clock: new ManualClock(1_700_000_000_000),
    random: seededRandom(1),
    nameservers: [ip("10.96.0.10")],
    ...options,
  });
}

export interface Ask {
  readonly transport?: DnsTransport;
  readonly edns?: Edns;
  readonly flags?: Partial<Pick<Message, "recursionDesired" | "authenticData" | "checkingDisabled">>;
  readonly class?: number;
  readonly client?: DnsClient;
}

export function queryBytes(name: string, type: number, ask: Ask = {}): Uint8Array {
  return encodeMessage({
    ...queryMessage(4711, { name: dnsName(name), type, class: ask.class ?? 1 }),
    ...ask.flags,
    ...(ask.edns === undefined ? {} : { edns: ask.edns }),
  });
}

export async function query(
  dns: Pick<ClusterDns, "answer">,
  name: string,
  type: keyof typeof recordTypes | number,
  ask: Ask = {},
): Promise<Message> {
  const number = typeof type === "number" ? type : recordTypes[type];
  const bytes = await dns.answer(queryBytes(name, number, ask), ask.transport ?? "udp", ask.client);
  if (bytes === undefined) throw new Error("no answer");
  const message = decodeMessage(bytes);
  if (message.kind === "malformed") throw new Error(message.reason);
  expect(message).toMatchObject({ id: 4711, response: true, recursionDesired: true });
  // The question comes back byte for byte.
  expect(message.questions).toEqual([{ name: dnsName(name), type: number, class: ask.class ?? 1 }]);
  return message;
}

/** The message in words: code, records by section. Addresses of one name are sorted, because their order turns. */
export function words(message: Message): readonly string[] {
  const section = (mark: string, list: Message["answers"]) => {
    const lines = list.map((record) => `${mark}${formatRecord(record)}`);
    const cnames = lines.filter((line) => line.includes(" CNAME "));
    return [...cnames, ...lines.filter((line) => !line.includes(" CNAME ")).sort()];
  };
  return [
    responseCodeName(message.rcode),
    ...section("", message.answers),
    ...section("ns: ", message.authorities),
    ...section("+ ", message.additionals),
  ];
}

export const soa =
  "ns: cluster.local. 5 IN SOA ns.dns.cluster.local. hostmaster.cluster.local. 1700000000 7200 1800 86400 5";
export const nodata = ["NOERROR", soa];
export const nxdomain = ["NXDOMAIN", soa];
