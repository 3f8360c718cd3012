import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "#layers/core";
import { addressesOf, clusterIpOf, isHeadless, serviceHost, startBenchCluster } from "./cluster.ts";
import type { ClusterSize } from "./cluster.ts";
import { latencies, measure } from "./dnsperf.ts";
import type { DnsperfResult, Latencies } from "./dnsperf.ts";
import { programPath, startKnot, startSealane, startUnbound } from "./peers.ts";
import { memoryNow, moveToClientCore } from "./server-process.ts";
import type { MeasuredServer, Memory } from "./server-process.ts";
import { startUpstream } from "./upstream.ts";

/** One kind of query, asked over a socket of one server. */
export interface SocketRow extends DnsperfResult {
  readonly server: string;
  readonly query: string;
}

/** What was measured of one server as a whole. */
export interface ServerFacts {
  readonly server: string;
  /** Under half of the queries of cluster IPs that it can answer. */
  readonly halfLoad: Latencies & { readonly rate: number };
  /** After the start, and after all queries and every name that it has once more. */
  readonly memoryAtStart: Memory;
  readonly memoryAtEnd: Memory;
}

/** What a cluster of one size costs over sockets. */
export interface SocketResult extends ClusterSize {
  /** From the start of `sealane dns` as a command until all names are there. */
  readonly readyMs: number;
  readonly rows: readonly SocketRow[];
  readonly servers: readonly ServerFacts[];
}

interface Kind {
  readonly query: string;
  /** The line of dnsperf's input for the `n`th query. */
  readonly line: (random: () => number, n: number) => string;
  /** The response codes of the answers; NOERROR alone unless given. */
  readonly codes?: readonly string[];
  readonly transport?: "tcp";
  /** The servers that know such names; all unless given. */
  readonly servers?: readonly string[];
  /** The answers come from caches: hardly anything is asked elsewhere. */
  readonly isCached?: boolean;
}

const linesPerFile = 10_000;
/** As many as a small part of the usual cache holds. */
const namesElsewhere = 4000;

function kindsOf(services: number): readonly Kind[] {
  const number = (random: () => number, headless: 0 | 1) => 2 * Math.floor((random() * services) / 2) + headless;
  const pick = (random: () => number, headless: 0 | 1) => serviceHost(number(random, headless));
  const address = (random: () => number) => `${pick(random, 0)} A`;
  return [
    { query: "A of a cluster IP", line: address },
    { query: "A of a headless Service", line: (random) => `${pick(random, 1)} A` },
    {
      query: "A, AAAA, no such name",
      line: (random, n) =>
        [`${pick(random, 0)} A`, `${pick(random, 0)} AAAA`, `api.example.com.${pick(random, 0)} A`][
          [0, 1, 0, 1, 2][n % 5] ?? 0
        ] ?? "",
      codes: ["NOERROR", "NXDOMAIN"],
    },
    { query: "SRV of a named port", line: (random) => `_http._tcp.${pick(random, 0)} SRV`, servers: ["sealane"] },
    { query: "SRV of a headless Service", line: (random) => `_http._tcp.${pick(random, 1)} SRV`, servers: ["sealane"] },
    {
      query: "PTR of a cluster IP",
      line: (random) => `${pointer(clusterIpOf(number(random, 0)))} PTR`,
      servers: ["sealane"],
    },
    { query: "A of a cluster IP, TCP", line: address, transport: "tcp" },
    {
      query: "A of elsewhere, cached",
      line: (_, n) => `name-${n % namesElsewhere}.example.com A`,
      servers: ["sealane", "unbound"],
      isCached: true,
    },
  ];
}

/** Every name of the cluster that a server has once. */
function everyName({ services, endpointsPerService }: ClusterSize, server: string): readonly string[] {
  const all = Array.from({ length: services }, (_, i) => i);
  const lines = all.map((i) => `${serviceHost(i)} A`);
  if (server !== "sealane") return lines;
  const addresses = (i: number) => (isHeadless(i) ? addressesOf(i, endpointsPerService) : [clusterIpOf(i)]);
  return [
    ...lines,
    ...all.map((i) => `_http._tcp.${serviceHost(i)} SRV`),
    ...all.flatMap((i) => addresses(i).map((address) => `${pointer(address)} PTR`)),
  ];
}

function pointer(address: string): string {
  return `${address.split(".").toReversed().join(".")}.in-addr.arpa`;
}

/** Measures `sealane dns`, knot and unbound with the same names, each with a core of its own, one after the other. */
export async function benchSockets(
  size: ClusterSize,
  seconds: number,
  nodeArguments: readonly string[] = [],
): Promise<SocketResult> {
  moveToClientCore();
  const stops: (() => unknown)[] = [];
  try {
    const cluster = await startBenchCluster(size);
    stops.push(() => cluster.close());
    const upstream = await startUpstream();
    stops.push(() => upstream.close());
    const { server, readyMs } = await startSealane({ cluster, upstreamPort: upstream.port, nodeArguments });
    stops.push(() => server.stop());
    const servers: MeasuredServer[] = [server];
    const [knot, unbound] = [programPath("knotd"), programPath("unbound")];
    if (knot !== undefined) {
      servers.push(await startKnot(knot, cluster.folder, size));
      stops.push(() => servers.find(({ name }) => name === "knot")?.stop());
    }
    if (unbound !== undefined) {
      servers.push(await startUnbound(unbound, cluster.folder, size, upstream.port));
      stops.push(() => servers.find(({ name }) => name === "unbound")?.stop());
    }
    const memoryAtStart = new Map(servers.map((one) => [one, memoryNow(one.pid)]));
    const rows: SocketRow[] = [];
    const halfLoads = new Map<MeasuredServer, ServerFacts["halfLoad"]>();
    const random = seededRandom(1);
    const queries = join(cluster.folder, "queries");
    for (const kind of kindsOf(size.services)) {
      const { query, line, codes = ["NOERROR"], transport = "udp", isCached = false } = kind;
      writeFileSync(queries, `${Array.from({ length: linesPerFile }, (_, n) => line(random, n)).join("\n")}\n`);
      for (const one of servers) {
        if (kind.servers?.includes(one.name) === false) continue;
        // Programs that compile as they run need a while.
        await measure(one, { queries, codes, seconds: Math.min(1, seconds), transport });
        const asked = upstream.asked;
        const result = await measure(one, { queries, codes, seconds, transport });
        if (isCached && upstream.asked - asked > namesElsewhere) {
          throw new Error(
            `${one.name} asked ${upstream.asked - asked} times: this measured something else than its cache`,
          );
        }
        rows.push({ server: one.name, query, ...result });
        if (halfLoads.has(one)) continue;
        const rate = Math.round(result.perSecond / 2);
        halfLoads.set(one, { rate, ...(await latencies(one, { queries, codes, seconds, rate })) });
      }
    }
    for (const one of servers) {
      writeFileSync(queries, `${everyName(size, one.name).join("\n")}\n`);
      await measure(one, { queries, codes: ["NOERROR"] });
    }
    const facts = servers.map((one): ServerFacts => {
      const none = { rate: 0, medianUs: 0, p99Us: 0, longestUs: 0 };
      const now = memoryNow(one.pid);
      const halfLoad = halfLoads.get(one) ?? none;
      return { server: one.name, halfLoad, memoryAtStart: memoryAtStart.get(one) ?? now, memoryAtEnd: now };
    });
    return { ...size, readyMs, rows, servers: facts };
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}
