import {
  decodeMessage,
  dnsName,
  encodeMessage,
  formatName,
  MessageWriter,
  queryMessage,
  recordTypes,
  responseCodes,
  writeRecordData,
} from "#layers/codec";
import type { Message, ResourceRecord } from "#layers/codec";
import { ip, seededRandom } from "#layers/core";
import { MemoryCache, createClusterDns } from "#layers/dns";
import type { UpstreamDialer } from "#layers/dns";
import type { EndpointSlice, Service } from "#layers/objects";
import { systemClock } from "#layers/net";

/** One measured kind of query. */
export interface DnsBenchRow {
  readonly query: string;
  /** Answers a second of CPU time. */
  readonly perSecond: number;
  /** CPU time of one answer. */
  readonly microseconds: number;
}

/** What `benchDns` found. */
export interface DnsBenchResult {
  readonly services: number;
  readonly endpointsPerService: number;
  /** From empty caches to the first answer, in milliseconds. */
  readonly loadMs: number;
  /** One change of a slice of a Service and the next answer of that Service, in microseconds of CPU time. */
  readonly changeMicroseconds: number;
  readonly rows: readonly DnsBenchRow[];
}

/** Measures answers in this process, without sockets: every second Service is headless, names come in random order. */
export function benchDns(count = 10_000, endpointsPerService = 5, millisecondsPerRow = 500): DnsBenchResult {
  const services = Array.from({ length: count }, (_, i) => serviceAt(i));
  const slices = Array.from({ length: count }, (_, i) => sliceAt(i, endpointsPerService));
  const caches = { services: new MemoryCache(services), endpointSlices: new MemoryCache(slices) };
  const started = performance.now();
  const dns = createClusterDns({
    caches,
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: systemClock,
    random: seededRandom(1),
  });
  void dns.answer(queryFor("svc-0.team-0.svc.cluster.local", recordTypes.A), "udp");
  const loadMs = performance.now() - started;
  const random = seededRandom(2);
  const pick = (kind: 0 | 1) => 2 * Math.floor((random() * count) / 2) + kind;
  const host = (i: number) => `svc-${i}.team-${i % 100}.svc.cluster.local`;
  const kinds: readonly (readonly [string, (i: number) => string, keyof typeof recordTypes, 0 | 1])[] = [
    ["A of a cluster IP", host, "A", 0],
    ["AAAA that is not there", host, "AAAA", 0],
    ["A of a headless Service", host, "A", 1],
    ["no such name", (i) => `api.example.com.team-${i % 100}.svc.cluster.local`, "A", 0],
    ["SRV of a named port", (i) => `_http._tcp.${host(i)}`, "SRV", 0],
    ["SRV of a headless Service", (i) => `_http._tcp.${host(i)}`, "SRV", 1],
    ["PTR of a cluster IP", (i) => `${i & 255}.${(i >> 8) & 255}.96.10.in-addr.arpa`, "PTR", 0],
  ];
  const rows = kinds.map(([query, name, type, kind]) => {
    const queries = Array.from({ length: 2048 }, () => queryFor(name(pick(kind)), recordTypes[type]));
    return { query, ...measure(queries, (bytes) => void dns.answer(bytes, "udp"), millisecondsPerRow) };
  });
  const changes = measure(
    Array.from({ length: 512 }, () => pick(1)),
    (i) => {
      caches.endpointSlices.set(sliceAt(i, endpointsPerService, Math.floor(random() * 255)));
      void dns.answer(queryFor(host(i), recordTypes.A), "udp");
    },
    millisecondsPerRow,
  );
  dns.stop();
  return {
    services: count,
    endpointsPerService,
    loadMs,
    changeMicroseconds: changes.microseconds,
    rows,
  };
}

/** Measures answers that were other servers', from memory: every name was asked for once before. */
export async function benchForwardedDns(names = 4000, millisecondsPerRow = 500): Promise<readonly DnsBenchRow[]> {
  const dns = createClusterDns({
    caches: { services: new MemoryCache<Service>(), endpointSlices: new MemoryCache<EndpointSlice>() },
    upstreams: [{ address: ip("192.0.2.1"), port: 53 }],
    dial: outside,
    clock: systemClock,
    random: seededRandom(1),
    cache: { positive: {}, negative: {} },
  });
  const kinds: readonly (readonly [string, string])[] = [
    ["A of elsewhere, remembered", "plain.example.com"],
    ["aliases and 4 A, remembered", "aliases.example.com"],
    ["no such name, remembered", "nothing.example.com"],
  ];
  const rows: DnsBenchRow[] = [];
  for (const [query, suffix] of kinds) {
    const queries = Array.from({ length: names }, (_, i) => queryFor(`name-${i}.${suffix}`, recordTypes.A));
    for (const bytes of queries) await dns.answer(bytes, "udp");
    rows.push({ query, ...measure(queries, (bytes) => void dns.answer(bytes, "udp"), millisecondsPerRow) });
  }
  const { hits, misses } = dns.stats().cache;
  if (misses !== kinds.length * names || hits.positive < names || hits.negative < names) {
    throw new Error(`The cache had ${misses} misses: this measured something else`);
  }
  dns.stop();
  return rows;
}

/** The world outside, which answers at once. */
const outside: UpstreamDialer = {
  send: (_upstream, _transport, bytes, handlers) => {
    const query = decodeMessage(bytes);
    const [question] = query.kind === "message" ? query.questions : [];
    if (query.kind === "message" && question !== undefined) {
      const answer = {
        ...query,
        response: true,
        recursionAvailable: true,
        ...outsideAnswer(formatName(question.name)),
      };
      handlers.message(encodeMessage(answer, 4096, writer).slice());
    }
    return () => undefined;
  },
};

function outsideAnswer(text: string): Partial<Message> {
  const record = (owner: string, type: number, rdata: Uint8Array): ResourceRecord => ({
    name: dnsName(owner),
    type,
    class: 1,
    ttl: 3600,
    rdata,
  });
  if (text.includes("nothing")) {
    const mname = dnsName("ns.example.com");
    const numbers = { serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 3600 };
    const rdata = writeRecordData({ kind: "SOA", mname, rname: dnsName("host.example.com"), ...numbers });
    return { rcode: responseCodes.NXDOMAIN, authorities: [record("example.com", recordTypes.SOA, rdata)] };
  }
  if (text.includes("plain")) return { answers: [record(text, recordTypes.A, Uint8Array.of(192, 0, 2, 1))] };
  const target = "edge.cdn.example.net";
  return {
    answers: [
      record(text, recordTypes.CNAME, dnsName(`www.${target}`)),
      record(`www.${target}`, recordTypes.CNAME, dnsName(target)),
      ...[1, 2, 3, 4].map((last) => record(target, recordTypes.A, Uint8Array.of(192, 0, 2, last))),
    ],
  };
}

/** The in-process rows as lines of a table. */
export function inProcessText(result: DnsBenchResult): string {
  return [
    `Cluster DNS of ${result.services} Services, ${result.endpointsPerService} endpoints each; CPU time in this process, without sockets`,
    ...result.rows.map(
      ({ query, microseconds, perSecond }) =>
        `${query.padEnd(28)} ${microseconds.toFixed(2).padStart(7)} us  ${String(perSecond).padStart(9)}/s`,
    ),
    `${"one change and its answer".padEnd(28)} ${result.changeMicroseconds.toFixed(2).padStart(7)} us`,
    `${"first answer after the start".padEnd(28)} ${result.loadMs.toFixed(0).padStart(7)} ms`,
  ].join("\n");
}

/** Counts CPU time and not time, so that other work on the machine disturbs little. */
function measure<T>(items: readonly T[], run: (item: T) => void, milliseconds: number): Omit<DnsBenchRow, "query"> {
  for (let round = 0; round < 10; round++) for (const item of items) run(item);
  const start = process.cpuUsage();
  let count = 0;
  let spent = 0;
  while (spent < milliseconds * 1000) {
    for (const item of items) run(item);
    count += items.length;
    const { user, system } = process.cpuUsage(start);
    spent = user + system;
  }
  return { perSecond: Math.round((count / spent) * 1e6), microseconds: Math.round((100 * spent) / count) / 100 };
}

const writer = new MessageWriter();

function queryFor(name: string, type: number): Uint8Array {
  const message = {
    ...queryMessage(1, { name: dnsName(name), type, class: 1 }),
    edns: { udpSize: 1232, version: 0, dnssecOk: false, options: [] },
  };
  // The encoder's results share memory; queries come in memory of their own.
  return encodeMessage(message, 512, writer).slice();
}

function serviceAt(i: number): Service {
  const clusterIP = i % 2 === 1 ? "None" : `10.96.${(i >> 8) & 255}.${i & 255}`;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: `team-${i % 100}`, name: `svc-${i}` },
    spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ name: "http", port: 80, protocol: "TCP" }] },
  };
}

function sliceAt(i: number, endpoints: number, offset = 0): EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      namespace: `team-${i % 100}`,
      name: `svc-${i}-1`,
      labels: { "kubernetes.io/service-name": `svc-${i}` },
    },
    addressType: "IPv4",
    endpoints: Array.from({ length: endpoints }, (_, j) => ({
      addresses: [`10.${(i >> 12) & 255}.${(i >> 4) & 255}.${(((i & 15) << 4) + j + offset) & 255}`],
      conditions: { ready: true },
    })),
    ports: [{ name: "http", port: 80, protocol: "TCP" }],
  };
}
