import { dnsName, recordTypes } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Clock, Ip, Logger, Metrics, Random } from "../core/index.ts";
import { cidr, cidrContains, silentLogger } from "../core/index.ts";
import { createBlockChain } from "./chain/block-chain.ts";
import type { BlockChain, ChainParts } from "./chain/block-chain.ts";
import { chainCounters } from "./chain/chain-counters.ts";
import { refused } from "./chain/layer.ts";
import type { CacheOptions, ForwardOptions } from "./chain/forwarding.ts";
import { LoopProbe } from "./chain/loop-probe.ts";
import { createQueryObserver } from "./chain/query-observer.ts";
import type { ObservedBlock } from "./chain/query-observer.ts";
import { createTransfer } from "./chain/transfer.ts";
import type { Transfer } from "./chain/transfer.ts";
import { longestZone } from "./chain/zone-match.ts";
import type { ClusterData, ClusterDataShelf } from "./cluster-data.ts";
import { cookieSecret } from "./cookie.ts";
import type { DnsConfiguration, ForwardSettings, ServerBlock, ServerTls } from "./corefile/configuration.ts";
import type { BlockTransport } from "./corefile/listen-key.ts";
import type { Request, Resolve } from "./resolver.ts";
import type { NoteTaker } from "./trace/question-note.ts";
import { createResponder } from "./responder.ts";
import type { Answer, Responder, ResponderStats } from "./responder.ts";
import { upstreamName } from "./upstream.ts";
import type { Upstream, UpstreamDialer } from "./upstream.ts";

/** What a DNS server is made from besides its configuration. */
export interface DnsServerParts {
  readonly clock: Clock;
  /** Orders answers and makes the ids of forwarded queries: use one that cannot be guessed. */
  readonly random: Random;
  readonly dial: UpstreamDialer;
  readonly log?: Logger;
  /** Where lines of the query log go; nowhere unless given. */
  readonly writeQuery?: (line: string) => void;
  /** Where blocks with `prometheus` count. */
  readonly metrics?: Metrics;
  /** The objects of the cluster, for blocks with `kubernetes`; shared with the server before a reload. */
  readonly data?: ClusterDataShelf;
  /** Where this DNS is reached in the cluster (the cluster IP of `kube-dns`): it leads to the zone's name servers. */
  readonly nameservers?: readonly Ip[];
  /** The text of a file that the configuration names. */
  readonly readText?: (path: string) => string | undefined;
  /** Search domains of the host, tried by autopath after those of the cluster. */
  readonly hostSearch?: readonly string[];
  /** Whether the names of a namespace are shown, besides what the configuration says. */
  readonly isExposed?: (namespace: string) => boolean;
  /** What no configuration can say of forwarding and its memory; goes before what it says. */
  readonly forwardOptions?: ForwardOptions;
  readonly cacheOptions?: CacheOptions;
  /** Addresses of this machine, besides `nameservers`; upstreams there may be this server itself. */
  readonly ownAddresses?: readonly Ip[];
  /** 16 bytes that nobody else knows, for the cookies of clients (RFC 9018); made of `random` unless given. */
  readonly cookieSecret?: Uint8Array;
  /** The most bytes of a UDP answer where no block says another; as many as the client offers unless given. */
  readonly maxUdpSize?: number;
}

/** Answers one message, and tells `note` what happened on the way. */
export type ExplainedAnswer = (note: NoteTaker, ...message: Parameters<Answer>) => ReturnType<Answer>;

/** What is to be listened to, and who answers there. */
export interface DnsEndpoint {
  readonly transport: BlockTransport;
  /** An address or the name of an interface, as `bind` says it; undefined for every address. */
  readonly host: string | undefined;
  /** Never listened to. */
  readonly except: readonly string[];
  readonly port: number;
  readonly tls: ServerTls | undefined;
  /** Synchronous for everything that is known here; a promise when another server has to be asked. */
  readonly answer: Answer;
  /** The same answer, and what led to it: told to `note` until the answer is there. */
  readonly explain: ExplainedAnswer;
  /** Transfers of zones, over TCP and TLS; undefined when nobody may have one. */
  readonly transfer: Transfer | undefined;
}

/** A DNS server, without sockets. */
export interface DnsServer {
  readonly configuration: DnsConfiguration;
  readonly endpoints: readonly DnsEndpoint[];
  /** The plugins that are not ready to answer the whole truth. */
  notReady(): readonly string[];
  /** Resolves when all names of the cluster have arrived. */
  whenReady(): Promise<void>;
  /** Looks for upstreams that lead back here, for blocks with `loop`. Call it when the server listens. */
  probeLoops(): void;
  /** The data that it uses, for `ClusterDataShelf.keep`. */
  readonly data: ReadonlySet<ClusterData>;
  readonly chains: readonly BlockChain[];
  stats(): ResponderStats;
  /** Gives up on forwarded questions and reads no files any more. Answers from the cluster stay as they are. */
  stop(): void;
}

/**
 * Makes the DNS server that a configuration describes. It answers at once; before the first sync, names not yet known
 * get SERVFAIL. Throws `CodedError` or `TypeError` when the parts lack something that the configuration needs.
 */
export function createDnsServer(configuration: DnsConfiguration, parts: DnsServerParts): DnsServer {
  const { clock, random, dial, metrics, log = silentLogger } = parts;
  const cookies = { secret: parts.cookieSecret ?? cookieSecret(random), clock };
  const probe = new LoopProbe({ dial, clock, random, log, found: loopCounter(metrics) });
  const chains = new Map<ServerBlock, BlockChain>();
  const responders: Responder[] = [];
  const stops: (() => void)[] = [() => probe.stop()];

  const places = placesOf(withoutSelf(configuration.servers, parts, log));
  const endpoints = places.map(({ transport, host, port, entries }): DnsEndpoint => {
    const server = `${transport}://${host ?? ""}:${port}`;
    // Names that answers lead to are looked up in everything that is served here.
    let resolve: Resolve = () => refused;
    const served = entries.map(({ zone, block }) => {
      let chain = chains.get(block);
      if (chain === undefined) {
        const counted = block.prometheus === undefined ? undefined : metrics;
        const chainParts = { ...parts, log, metrics: counted, resolve: (request: Request) => resolve(request) };
        chain = createBlockChain(block, server, withDefaults(chainParts), chainCounters(counted, server, zone));
        chains.set(block, chain);
        stops.push(chain.stop);
      }
      return { zone, value: { chain, observed: { block, server, zone } } };
    });
    const pick = longestZone(served);
    resolve = (request) => {
      const chain = pick(request.name)?.chain;
      return (request.note === undefined ? chain?.resolve(request) : chain?.explain(request)) ?? refused;
    };
    const observer = createQueryObserver({
      clock,
      log,
      metrics,
      writeQuery: parts.writeQuery ?? (() => undefined),
      blocks: served.map(({ value }) => value.observed),
      blockOf: (name) => pick(name)?.observed,
    });
    if (observer !== undefined) stops.push(observer.stop);
    const limits = { observer, cookies, ...udpSizes(entries, parts.maxUdpSize, pick) };
    const find = (request: Request) => {
      // Only questions of this one rare type can be probes.
      if (request.type === recordTypes.HINFO && probe.sees(request)) return refused;
      return pick(request.name)?.chain.find(request) ?? refused;
    };
    const responder = createResponder({ resolve, find }, log, limits);
    // Looking for an answer begins before `answer` returns, so there is one taker of notes at a time.
    let note: NoteTaker | undefined;
    const explainer = createResponder({ resolve, find: (request) => resolve({ ...request, note }) }, log, limits);
    responders.push(responder, explainer);
    const zones = [...new Set(served.map(({ value }) => value.chain))].flatMap(({ transferZones }) => transferZones);
    const allowed = entries.flatMap(({ zone, block }) =>
      block.transfer.map((one) => (one.zones.length === 0 ? { ...one, zones: [zone] } : one)),
    );
    return {
      transport,
      host,
      except: [...new Set(entries.flatMap(({ block }) => block.bindExcept))],
      port,
      tls: entries.find(({ block }) => block.tls !== undefined)?.block.tls,
      answer: responder.answer,
      explain: (taker, ...message) => {
        note = taker;
        return explainer.answer(...message);
      },
      transfer: allowed.length === 0 ? undefined : createTransfer(zones, allowed),
    };
  });
  const all = [...chains.values()];
  const data = new Set(all.flatMap((chain) => chain.data ?? []));

  return {
    configuration,
    endpoints,
    chains: all,
    data,
    notReady: () => ([...data].every((one) => one.isSynced()) ? [] : ["kubernetes"]),
    whenReady: async () => {
      await Promise.all([...data].map((one) => one.whenSynced()));
    },
    probeLoops: () => probe.start(all.filter(({ block }) => block.loop).flatMap(({ forwardings }) => forwardings)),
    stats: () => sumOf(responders.map((responder) => responder.stats())),
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function withDefaults(
  parts: Omit<DnsServerParts, "metrics"> & Pick<ChainParts, "log" | "metrics" | "resolve">,
): ChainParts {
  return {
    ...parts,
    data: parts.data,
    nameservers: parts.nameservers ?? [],
    readText: parts.readText ?? (() => undefined),
    isExposed: parts.isExposed,
    forwardOptions: parts.forwardOptions,
    cacheOptions: parts.cacheOptions,
    hostSearch: parts.hostSearch ?? [],
  };
}

function loopCounter(metrics: Metrics | undefined): () => void {
  const counter = metrics
    ?.counter({ name: "sealane_dns_loops_total", help: "Upstreams refused because they lead back to this server." })
    .with();
  return () => counter?.add();
}

/** A place to listen, with the zones that are served there. */
interface Place {
  readonly transport: BlockTransport;
  readonly host: string | undefined;
  readonly port: number;
  readonly entries: readonly { readonly zone: string; readonly block: ServerBlock }[];
}

/** Blocks that listen at the same place share it. */
function placesOf(servers: readonly ServerBlock[]): readonly Place[] {
  const places = new Map<string, Place>();
  for (const block of servers) {
    for (const { transport, port, zone } of block.keys) {
      for (const host of block.bind.length === 0 ? [undefined] : block.bind) {
        const id = `${transport} ${host ?? ""} ${port}`;
        const known = places.get(id) ?? { transport, host, port, entries: [] };
        places.set(id, { ...known, entries: [...known.entries, { zone, block }] });
      }
    }
  }
  return [...places.values()];
}

type PickBlock = (name: DnsName) => { readonly observed: ObservedBlock } | undefined;

/** The blocks without upstreams that are the block itself: queries to them would never end. */
function withoutSelf(
  servers: readonly ServerBlock[],
  { nameservers = [], ownAddresses = [] }: DnsServerParts,
  log: Logger,
): readonly ServerBlock[] {
  const own = new Set<Ip>([...nameservers, ...ownAddresses]);
  const places = placesOf(servers);
  const isSelf = (block: ServerBlock, { from: [zone = "."] }: ForwardSettings, { address, port, tls }: Upstream) => {
    if (tls !== undefined) return false;
    const here = places.find(
      (place) => place.transport === "dns" && place.port === port && listensAt(place, address, own),
    );
    const pick = longestZone(here?.entries.map(({ zone: served, block: value }) => ({ zone: served, value })) ?? []);
    return pick(dnsName(zone)) === block;
  };
  return servers.map((block) => ({
    ...block,
    forward: block.forward.map((forward) => {
      const to = forward.to.filter((upstream) => {
        if (!isSelf(block, forward, upstream)) return true;
        const at = `${forward.file}:${forward.line}`;
        log.warn("DNS upstream left out: it is this server itself", { upstream: upstreamName(upstream), at });
        return false;
      });
      return { ...forward, to };
    }),
  }));
}

function listensAt({ host }: Place, address: Ip, own: ReadonlySet<Ip>): boolean {
  if (host !== undefined) return host === address;
  return own.has(address) || cidrContains(loopback, address) || address === "::1";
}

const loopback = cidr("127.0.0.0/8");

/** The size limit, one for all when the blocks agree. */
function udpSizes(
  entries: Place["entries"],
  general: number | undefined,
  pick: PickBlock,
): Partial<Record<"maxUdpSize", number>> & { readonly maxUdpSizeOf?: (name: DnsName) => number | undefined } {
  const sizes = new Set(entries.map(({ block }) => block.bufsize ?? general));
  const [only] = sizes;
  if (sizes.size === 1) return only === undefined ? {} : { maxUdpSize: only };
  return { maxUdpSizeOf: (name) => pick(name)?.observed.block.bufsize ?? general };
}

function sumOf(list: readonly ResponderStats[]): ResponderStats {
  const answers: Record<string, number> = {};
  for (const one of list) {
    for (const [code, count] of Object.entries(one.answers)) answers[code] = (answers[code] ?? 0) + count;
  }
  const sum = (read: (stats: ResponderStats) => number) => list.reduce((total, stats) => total + read(stats), 0);
  return {
    received: { udp: sum(({ received }) => received.udp), tcp: sum(({ received }) => received.tcp) },
    ignored: sum(({ ignored }) => ignored),
    answers,
  };
}
