import { randomBytes } from "node:crypto";
import { CodedError, messageOf } from "../../core/index.ts";
import type { Cancel, Clock, Ip, Logger, Metrics, Random } from "../../core/index.ts";
import { ClusterDataShelf, createDnsServer, parseResolvConf } from "../../dns/index.ts";
import type {
  Answer,
  ClusterDnsSource,
  ClusterFacts,
  DnsConfiguration,
  DnsServer,
  DnsServerParts,
} from "../../dns/index.ts";
import { dnsDialer } from "../../net/index.ts";
import { createDnsListeners } from "./dns-listeners.ts";
import type { AddressesOf } from "./dns-listeners.ts";
import { createDnsOperations } from "./dns-operations.ts";
import { readDnsSource } from "./dns-source.ts";
import type { DnsReading, DnsSource } from "./dns-source.ts";
import { readTextFile } from "./dns-files.ts";
import { createExplanations } from "./explanations.ts";
import type { Explanations } from "./explanations.ts";
import { ownAddresses } from "./own-addresses.ts";

/** How DNS is served. */
export interface DnsServiceOptions {
  readonly source: DnsSource;
  /** The cluster's objects; undefined when no block is about a cluster. */
  readonly caches: ClusterDnsSource | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Which addresses to listen on. */
  readonly addressesOf: AddressesOf;
  /** Where lines of the query log go. */
  readonly writeQuery?: (line: string) => void;
  /** Where this DNS is reached in the cluster. */
  readonly nameservers?: readonly Ip[];
  /** Reads a file that the configuration names; from the disk unless given. */
  readonly readText?: (path: string) => string | undefined;
  readonly environment?: (name: string) => string | undefined;
  readonly port?: number;
  /** Sockets that cannot be opened at the start are reported, and everything else works; an error unless given. */
  readonly goesOnWithoutSockets?: boolean;
  /** Wait for the cluster's names before listening, as long as the configuration says; not unless given. */
  readonly waitsForNames?: boolean;
}

/** What became of a look at the configuration. */
export type ReloadOutcome = "unchanged" | "reloaded" | "failed";

/** DNS being served. */
export interface DnsService {
  /** For lookups of this process itself. */
  readonly answer: Answer;
  /** Where it listens: `dns://10.96.0.10:53`. */
  readonly places: readonly string[];
  readonly configuration: DnsConfiguration;
  /** Says how it answers certain clients. */
  readonly explanations: Explanations;
  /** Resolves when all names of the cluster have arrived. */
  whenReady(): Promise<void>;
  /** Looks at the configuration now. When it cannot be used, everything stays as it is. */
  reload(): Promise<ReloadOutcome>;
  /**
   * Goes on answering for as long as `lameduck` says (unless `now`) while `/ready` says no, then answers what it has taken,
   * then ends.
   */
  close(now?: boolean): Promise<void>;
}

const graceMs = 5000;

/** Serves DNS. Rejects with `CodedError` when the configuration cannot be used or a place cannot be listened to. */
export async function startDnsService(options: DnsServiceOptions): Promise<DnsService> {
  const { source, caches, clock, random, log, metrics, nameservers = [] } = options;
  const readText = options.readText ?? readTextFile;
  const environment = options.environment ?? ((name) => process.env[name]);
  const data = caches === undefined ? undefined : new ClusterDataShelf(caches, clock, metrics);
  const cookieSecret = randomBytes(16);
  const failures = metrics
    .counter({ name: "coredns_reload_failed_total", help: "Configurations that could not be used." })
    .with();
  const version = metrics.gauge({
    name: "coredns_reload_version_info",
    help: "The hash of the configuration that is in use.",
    labels: ["hash", "value"],
  });
  const listeners = createDnsListeners(options.addressesOf);
  const read = () => readDnsSource(source, { readText, environment, port: options.port });
  let server: DnsServer | undefined;
  let fingerprint: string | undefined;
  let refusedFingerprint: string | undefined;
  let cancelReload: Cancel = () => undefined;
  let isClosing = false;
  const operations = createDnsOperations({ metrics, notReady: () => server?.notReady() ?? ["kubernetes"] });

  const make = (configuration: DnsConfiguration): DnsServer => {
    const dial = dnsDialer({ idleMs: idleTime(configuration) });
    const parts: DnsServerParts = {
      clock,
      random,
      dial,
      log,
      metrics,
      nameservers,
      ownAddresses: ownAddresses(),
      readText,
      cookieSecret,
      hostSearch: parseResolvConf(readText("/etc/resolv.conf") ?? "").searches,
      ...(data === undefined ? {} : { data }),
      ...(options.writeQuery === undefined ? {} : { writeQuery: options.writeQuery }),
    };
    const made = createDnsServer(configuration, parts);
    return {
      ...made,
      stop: () => {
        made.stop();
        dial.close();
      },
    };
  };
  const opening = async (what: Promise<void>): Promise<void> => {
    try {
      await what;
    } catch (error) {
      if (options.goesOnWithoutSockets !== true || server !== undefined) throw error;
      log.error("DNS goes on without a socket", { error: messageOf(error) });
    }
  };
  const use = async (reading: Extract<DnsReading, { kind: "read" }>): Promise<void> => {
    const { configuration } = reading;
    for (const warning of configuration.warnings) log.warn(warning);
    const made = make(configuration);
    try {
      if (options.waitsForNames === true && server === undefined) {
        // Pages first: whoever waits can see for what.
        server = made;
        await opening(operations.apply(configuration));
        await readyOrLate(made, clock, startupTimeout(configuration));
      } else {
        if (server?.notReady().length === 0) await namesFor(made, clock);
        await opening(operations.apply(configuration));
      }
      await opening(listeners.apply(made));
    } catch (error) {
      made.stop();
      if (server !== undefined && server !== made) data?.keep(server.data);
      if (server !== undefined && server !== made) await operations.apply(server.configuration);
      throw error;
    }
    const former = server === made ? undefined : server;
    server = made;
    data?.keep(made.data);
    // Questions that it forwarded end within this time.
    if (former !== undefined) clock.schedule(graceMs + 1000, () => former.stop());
    if (fingerprint !== undefined) version.remove("sha256", fingerprint);
    fingerprint = reading.fingerprint;
    refusedFingerprint = undefined;
    if (source.kind === "corefile") version.with("sha256", fingerprint).set(1);
    made.probeLoops();
  };
  const reload = async (): Promise<ReloadOutcome> => {
    const reading = read();
    if (reading.fingerprint === fingerprint || isClosing) {
      refusedFingerprint = undefined;
      return "unchanged";
    }
    try {
      if (reading.kind === "failed") throw reading.error;
      await use(reading);
      log.info("DNS configuration reloaded", { places: listeners.places.join(" ") });
      return "reloaded";
    } catch (error) {
      failures.add();
      // Once for each text: the next look comes soon.
      if (refusedFingerprint !== reading.fingerprint) {
        log.error("DNS configuration not used, the former one goes on", { error: messageOf(error) });
      }
      refusedFingerprint = reading.fingerprint;
      return "failed";
    }
  };
  let reloading: Promise<unknown> = Promise.resolve();
  const reloadInTurn = (): Promise<ReloadOutcome> => {
    const next = reloading.then(reload);
    reloading = next.catch(() => undefined);
    return next;
  };
  const watch = (): void => {
    const settings = server?.configuration.servers.find((block) => block.reload !== undefined)?.reload;
    // Without the plugin nothing is looked at, but a later configuration may have it: it comes by `reload()`.
    if (settings === undefined) return;
    const delay = settings.intervalMs + (random() * 2 - 1) * settings.jitterMs;
    cancelReload = clock.schedule(delay, () => void reloadInTurn().then(watch, watch));
  };

  const first = read();
  if (first.kind === "failed") throw first.error;
  try {
    await use(first);
  } catch (error) {
    await operations.close();
    data?.stop();
    throw error;
  }
  watch();

  const current = (): DnsServer => {
    if (server === undefined) throw new TypeError("DNS is served once it has started");
    return server;
  };
  return {
    answer: (query, transport, client) => {
      const plain = current().endpoints.find(({ transport: way }) => way === "dns");
      return plain?.answer(query, transport, client);
    },
    get places() {
      return listeners.places;
    },
    get configuration() {
      return current().configuration;
    },
    explanations: createExplanations(
      (watcher) => listeners.watch(watcher),
      () => clusterFacts(current()),
    ),
    whenReady: () => current().whenReady(),
    reload: async () => {
      const outcome = await reloadInTurn();
      cancelReload();
      watch();
      return outcome;
    },
    close: async (now = false) => {
      isClosing = true;
      cancelReload();
      operations.shutDown();
      const lameduck = Math.max(0, ...current().configuration.servers.map(({ health }) => health?.lameduckMs ?? 0));
      if (!now && lameduck > 0) await wait(clock, lameduck);
      await listeners.close(now ? 0 : graceMs);
      current().stop();
      data?.stop();
      await operations.close();
    },
  };
}

/** A new configuration may need objects that nobody has watched. Until they are there, the former one knows more. */
async function namesFor(made: DnsServer, clock: Clock): Promise<void> {
  await readyOrLate(made, clock, Math.max(leastWaitMs, startupTimeout(made.configuration)));
  if (made.notReady().length === 0) return;
  throw new CodedError("NamesMissing", "the cluster's names did not arrive in time: the next look tries again");
}

const leastWaitMs = 5000;

/** What is known of each zone of a cluster that is served. */
function clusterFacts({ chains }: DnsServer): readonly ClusterFacts[] {
  return chains.flatMap(({ block: { kubernetes, file, line }, data }) => {
    if (data === undefined || kubernetes === undefined) return [];
    const { services, endpointSlices, namespaces } = data.caches;
    const shown = { ...kubernetes, file, line };
    const facts = { services, endpointSlices, namespaces, isSynced: data.isSynced(), pods: kubernetes.pods, shown };
    return kubernetes.zones.map((domain) => ({ ...facts, domain }));
  });
}

function startupTimeout({ servers }: DnsConfiguration): number {
  return Math.max(0, ...servers.map(({ kubernetes }) => kubernetes?.startupTimeoutMs ?? 0));
}

/** Resolves when all names are there, or after `ms`. */
function readyOrLate(server: DnsServer, clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(ms, resolve);
    void server.whenReady().then(() => {
      cancel();
      resolve();
    });
  });
}

/** How long connections to upstreams are kept without a question: as long as the most patient `forward` says. */
function idleTime({ servers }: DnsConfiguration): number {
  const times = servers.flatMap(({ forward }) => forward.map(({ expireMs }) => expireMs));
  return times.length === 0 ? 10_000 : Math.max(...times);
}

function wait(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => void clock.schedule(ms, resolve));
}
