import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "#layers/core";
import { serviceHost, startBenchCluster } from "./cluster.ts";
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
  /** After the start, and after all queries. */
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
  readonly transport?: "tcp";
  /** Ask once before, so that caches have it; only of servers that ask others. */
  readonly warm?: boolean;
}

const linesPerFile = 10_000;
/** As many as a small part of the usual cache holds. */
const namesElsewhere = 4000;

function kindsOf(services: number): readonly Kind[] {
  const pick = (random: () => number, headless: 0 | 1) =>
    serviceHost(2 * Math.floor((random() * services) / 2) + headless);
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
    },
    { query: "A of a cluster IP, TCP", line: address, transport: "tcp" },
    { query: "A of elsewhere, cached", line: (_, n) => `name-${n % namesElsewhere}.example.com A`, warm: true },
  ];
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
    for (const { query, line, transport = "udp", warm = false } of kindsOf(size.services)) {
      const queries = join(cluster.folder, "queries");
      writeFileSync(queries, `${Array.from({ length: linesPerFile }, (_, n) => line(random, n)).join("\n")}\n`);
      for (const one of servers) {
        if (warm && one.name === "knot") continue;
        // Programs that compile as they run need a while.
        await measure(one, { queries, seconds: 1, transport });
        const asked = upstream.asked;
        const result = await measure(one, { queries, seconds, transport });
        if (warm && upstream.asked - asked > namesElsewhere) {
          throw new Error(
            `${one.name} asked ${upstream.asked - asked} times: this measured something else than its cache`,
          );
        }
        rows.push({ server: one.name, query, ...result });
        if (halfLoads.has(one)) continue;
        const rate = Math.round(result.perSecond / 2);
        halfLoads.set(one, { rate, ...(await latencies(one, { queries, seconds, rate })) });
      }
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
