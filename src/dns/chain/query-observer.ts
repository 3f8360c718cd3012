import { headerBits, recordTypes, responseCodes } from "../../codec/index.ts";
import type { Query } from "../../codec/index.ts";
import type { Clock, Counter, Histogram, Logger, Metrics } from "../../core/index.ts";
import { exponentialBuckets } from "../../core/index.ts";
import type { ServerBlock } from "../corefile/configuration.ts";
import { classOf, isLogged, queryLogLine } from "../query-log.ts";
import type { DnsClient, DnsTransport, Reply } from "../resolver.ts";
import type { QueryObserver } from "../responder.ts";
import { ErrorLog } from "./error-log.ts";
import { inZones } from "./zone-match.ts";

/** Types that are counted under their own name; all others are "other", so that clients cannot make labels. */
const countedTypes = [
  "A",
  "AAAA",
  "CNAME",
  "DNSKEY",
  "DS",
  "HTTPS",
  "MX",
  "NS",
  "NSEC",
  "PTR",
  "RRSIG",
  "SOA",
  "SRV",
  "SVCB",
  "TXT",
  "AXFR",
  "IXFR",
  "ANY",
  "HINFO",
] as const;
const sizeBuckets = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8191, 16_383, 32_767, 49_151, 65_535];
const codeNames: Readonly<Record<number, string>> = Object.fromEntries(
  Object.entries(responseCodes).map(([name, code]) => [code, name]),
);
/** Of the answers that need nobody else and are not logged, one of so many is timed: two looks at the clock cost a tenth of one. */
const timedShare = 64;

/** What of a server an observer speaks of. */
export interface ObservedBlock {
  readonly block: ServerBlock;
  /** `dns://:53` */
  readonly server: string;
  /** The zone of the block that the name is in. */
  readonly zone: string;
}

/** Counts of one zone. What a query needs is found in arrays by small numbers, without making texts. */
class ZoneCounts {
  readonly #families: MetricFamilies;
  readonly #labels: readonly [server: string, zone: string];
  readonly #ways: WayCounts[] = [];
  readonly #responses: Counter[] = [];

  constructor(families: MetricFamilies, labels: readonly [server: string, zone: string]) {
    this.#families = families;
    this.#labels = labels;
  }

  way(transport: DnsTransport, isSix: boolean): WayCounts {
    const key = (transport === "tcp" ? 2 : 0) + (isSix ? 1 : 0);
    return (this.#ways[key] ??= new WayCounts(this.#families, [...this.#labels, transport, isSix ? "2" : "1"]));
  }

  response(rcode: number, plugin: number): Counter {
    const known = this.#responses[rcode * pluginNames.length + plugin];
    if (known !== undefined) return known;
    const [server, zone] = this.#labels;
    const counter = this.#families.responses.with(
      server,
      zone,
      "",
      codeNames[rcode] ?? String(rcode),
      pluginNames[plugin] ?? "",
    );
    this.#responses[rcode * pluginNames.length + plugin] = counter;
    return counter;
  }
}

/** Who may have given an answer. */
const pluginNames = ["", "kubernetes", "forward", "cache", "hosts", "whoami", "any", "acl", "ratelimit"] as const;

/** Index of the plugin that gave a reply: what is authoritative and says nothing else is the cluster's. */
function pluginOf({ plugin, authoritative, recursionAvailable }: ObservedReply): number {
  if (plugin !== undefined) return pluginNames.indexOf(plugin);
  return recursionAvailable ? 2 : authoritative ? 1 : 0;
}

type ObservedReply = Pick<Reply, "authoritative" | "recursionAvailable" | "plugin">;

class WayCounts {
  readonly #families: MetricFamilies;
  readonly #labels: readonly [server: string, zone: string, proto: string, family: string];
  /** By type; those that are not counted under their own name are one. */
  readonly #requests: Counter[] = [];
  readonly duration: Histogram;
  readonly requestSize: Histogram;
  readonly responseSize: Histogram;

  constructor(families: MetricFamilies, labels: readonly [string, string, string, string]) {
    this.#families = families;
    this.#labels = labels;
    const [server, zone, proto] = labels;
    this.duration = families.duration.with(server, zone, "");
    this.requestSize = families.requestSize.with(server, zone, "", proto);
    this.responseSize = families.responseSize.with(server, zone, "", proto);
  }

  requests(type: number): Counter {
    // All types with a name are below 256 (A, ANY, ...), so the array stays small whatever clients make up.
    const key = type < 256 ? type : 256;
    const known = this.#requests[key];
    if (known !== undefined) return known;
    const [server, zone, proto, family] = this.#labels;
    const name = countedTypes.find((one) => recordTypes[one] === type) ?? "other";
    const counter = this.#families.requests.with(server, zone, "", proto, family, name);
    this.#requests[key] = counter;
    return counter;
  }
}

type MetricFamilies = ReturnType<typeof declareMetrics>;

function declareMetrics(metrics: Metrics) {
  const size = (what: string) =>
    metrics.histogram({
      name: `coredns_dns_${what}_size_bytes`,
      help: `Size of ${what}s in bytes.`,
      labels: ["server", "zone", "view", "proto"],
      buckets: sizeBuckets,
    });
  return {
    requests: metrics.counter({
      name: "coredns_dns_requests_total",
      help: "DNS queries answered, by zone, transport, address family and type.",
      labels: ["server", "zone", "view", "proto", "family", "type"],
    }),
    responses: metrics.counter({
      name: "coredns_dns_responses_total",
      help: "DNS answers, by response code and the plugin that gave them.",
      labels: ["server", "zone", "view", "rcode", "plugin"],
    }),
    duration: metrics.histogram({
      name: "coredns_dns_request_duration_seconds",
      help: "Time from a query to its answer.",
      labels: ["server", "zone", "view"],
      buckets: exponentialBuckets(0.000_25, 2, 16),
    }),
    requestSize: size("request"),
    responseSize: size("response"),
    panics: metrics.counter({
      name: "coredns_panics_total",
      help: "Queries that failed by a mistake in this program.",
    }),
  };
}

/** What an observer needs. */
export interface QueryObserverParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where lines of the query log go. */
  readonly writeQuery: (line: string) => void;
  readonly metrics: Metrics | undefined;
  /** The block that answers for a name. */
  readonly blockOf: (name: Query["name"]) => ObservedBlock | undefined;
  readonly blocks: readonly ObservedBlock[];
}

/** Counts and logs answers as the blocks say; `undefined` when no block wants either. */
export function createQueryObserver(
  parts: QueryObserverParts,
): (QueryObserver & { readonly stop: () => void }) | undefined {
  const { clock, metrics, blockOf, blocks, log, writeQuery } = parts;
  const isWanted = blocks.some(
    ({ block }) => block.log.length > 0 || block.errors !== undefined || block.prometheus !== undefined,
  );
  if (!isWanted) return undefined;
  const families = metrics === undefined ? undefined : declareMetrics(metrics);
  const errorLogs = new Map<ServerBlock, ErrorLog>();
  const loggers = new Map<ServerBlock, QueryLogger>();
  for (const { block } of blocks) {
    if (block.errors !== undefined && !errorLogs.has(block))
      errorLogs.set(block, new ErrorLog(block.errors, clock, log));
    if (block.log.length > 0) loggers.set(block, new QueryLogger(block, writeQuery));
  }
  const counts = new Map<ObservedBlock, ZoneCounts>();
  /** How many more answers take the duration of the last one that was timed and needed nobody else, in seconds. */
  let untimed = 0;
  let lastDuration = 0;
  let lastObserved: ObservedBlock | undefined;
  let lastCounts: ZoneCounts | undefined;
  const mayBeLogged = ({ name }: Query): boolean => {
    if (loggers.size === 0) return false;
    const observed = blockOf(name);
    return observed !== undefined && loggers.get(observed.block)?.mayWriteNext(name) === true;
  };

  return {
    started: (query) => (untimed === 0 || mayBeLogged(query) ? clock.monotonic() : undefined),
    waiting: (startedAt) => startedAt ?? clock.monotonic(),
    answered: (query, received, answer, reply, transport, client, startedAt, hasWaited) => {
      const observed = blockOf(query.name);
      if (observed === undefined) return;
      const { rcode } = reply;
      let duration = lastDuration;
      if (startedAt === undefined) untimed--;
      else {
        duration = (clock.monotonic() - startedAt) / 1000;
        // What was waited for says nothing about those that wait for nobody.
        if (!hasWaited) {
          lastDuration = duration;
          untimed = timedShare - 1;
        }
      }
      const { block } = observed;
      if (families !== undefined && block.prometheus !== undefined) {
        if (observed !== lastObserved || lastCounts === undefined) {
          lastCounts = counts.get(observed) ?? new ZoneCounts(families, [observed.server, observed.zone]);
          lastObserved = observed;
          counts.set(observed, lastCounts);
        }
        const zone = lastCounts;
        const way = zone.way(transport, client?.address.includes(":") === true);
        way.requests(query.type).add();
        way.requestSize.observe(received);
        way.responseSize.observe(answer.length);
        way.duration.observe(duration);
        zone.response(rcode, pluginOf(reply)).add();
      }
      if (rcode === responseCodes.SERVFAIL) errorLogs.get(block)?.failed(query);
      if (loggers.size === 0) return;
      loggers.get(block)?.answered(query, received, answer, rcode, transport, client, duration);
    },
    failed: () => families?.panics.with().add(),
    stop: () => {
      for (const one of errorLogs.values()) one.stop();
    },
  };
}

/** Writes the lines that the `log` plugins of a block ask for. */
class QueryLogger {
  readonly #rules: readonly {
    readonly isMine: (name: Query["name"]) => boolean;
    readonly settings: ServerBlock["log"][number];
  }[];
  readonly #write: (line: string) => void;
  #seen = 0;

  constructor(block: ServerBlock, write: (line: string) => void) {
    this.#rules = block.log.map((settings) => ({ isMine: inZones(settings.zones), settings }));
    this.#write = write;
  }

  /** Whether the next answer about this name is written, unless its class is left out. */
  mayWriteNext(name: Query["name"]): boolean {
    const rule = this.#ruleOf(name);
    return rule !== undefined && this.#seen % rule.settings.sample === 0;
  }

  answered(
    query: Query,
    received: number,
    answer: Uint8Array,
    rcode: number,
    transport: DnsTransport,
    client: DnsClient | undefined,
    duration: number,
  ): void {
    const rule = this.#ruleOf(query.name);
    if (rule === undefined) return;
    const hasAnswers = ((answer[6] ?? 0) << 8) + (answer[7] ?? 0) > 0;
    const { settings } = rule;
    if (!settings.classes.includes("all") && !isLogged(settings, classOf({ rcode, hasAnswers }))) return;
    if (this.#seen++ % settings.sample !== 0) return;
    const line = queryLogLine(rule.settings.format, {
      name: query.name,
      type: query.type,
      id: query.id,
      queryFlags: query.flags,
      querySize: received,
      dnssecOk: query.edns?.dnssecOk === true,
      bufsize: Math.max(512, query.edns?.udpSize ?? 512),
      transport,
      client,
      rcode,
      replyFlags: headerBits.response | ((answer[2] ?? 0) << 8) | (answer[3] ?? 0),
      replySize: answer.length,
      hasAnswers,
      duration,
    });
    this.#write(`[INFO] ${line}`);
  }

  #ruleOf(name: Query["name"]) {
    return this.#rules.find(({ isMine }) => isMine(name));
  }
}
