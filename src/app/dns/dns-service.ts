import { randomBytes } from "node:crypto";
import { CodedError, messageOf, pause } from "../../core/index.ts";
import type { Cancel, Clock, Ip, Logger, Metrics, Random } from "../../core/index.ts";
import { ClusterDataShelf, createDnsServer, importedObjects, parseResolvConf } from "../../dns/index.ts";
import type { Answer, ClusterFacts, DnsConfiguration, DnsServer, DnsServerParts } from "../../dns/index.ts";
import { dnsDialer } from "../../net/index.ts";
import type { ClusterChoice, ClusterSource, FollowedCluster } from "./cluster-source.ts";
import { createDnsListeners } from "./dns-listeners.ts";
import type { AddressesOf } from "./dns-listeners.ts";
import { createDnsOperations } from "./dns-operations.ts";
import { readDnsSource } from "./dns-source.ts";
import type { DnsReading, DnsSource } from "./dns-source.ts";
import { readTextFile } from "./dns-files.ts";
import { expectNames, namesOrLate } from "./names-wait.ts";
import { createExplanations } from "./explanations.ts";
import type { Explanations } from "./explanations.ts";
import { ownAddresses } from "./own-addresses.ts";

/** How DNS is served. */
export interface DnsServiceOptions {
  readonly source: DnsSource;
  /** Where the cluster's objects come from. */
  readonly cluster: ClusterSource;
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

/** A configuration with the cluster that it needs, or why it cannot be used. */
type Look =
  | (Extract<DnsReading, { readonly kind: "read" }> & {
      readonly choice: ClusterChoice | undefined;
      /** Differs when anything differs that was read. */
      readonly state: string;
    })
  | { readonly kind: "failed"; readonly error: Error; readonly state: string };

/** A cluster and its names, with the identity of the choice. */
interface Followed {
  readonly identity: string;
  readonly cluster: FollowedCluster;
  readonly data: ClusterDataShelf;
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
  const { source, clock, random, log, metrics, nameservers = [] } = options;
  const readText = options.readText ?? readTextFile;
  const environment = options.environment ?? ((name) => process.env[name]);
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
  let server: DnsServer | undefined;
  let followed: Followed | undefined;
  let used: Extract<Look, { readonly kind: "read" }> | undefined;
  let refusedState: string | undefined;
  let cancelReload: Cancel = () => undefined;
  let isClosing = false;
  let announceClosing: () => void = () => undefined;
  const closing = new Promise<void>((resolve) => (announceClosing = resolve));
  const operations = createDnsOperations({ metrics, notReady: () => server?.notReady() ?? ["kubernetes"] });

  const look = async (): Promise<Look> => {
    const reading = readDnsSource(source, { readText, environment, port: options.port });
    const { fingerprint } = reading;
    if (reading.kind === "failed") return { ...reading, state: fingerprint };
    try {
      const choice = await options.cluster.choose(reading.configuration);
      return { ...reading, choice, state: `${fingerprint} ${choice?.identity ?? ""}` };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      return { kind: "failed", error, state: `${fingerprint} ${error.message}` };
    }
  };
  const follow = async (choice: ClusterChoice): Promise<Followed> => {
    const cluster = await choice.follow();
    return { identity: choice.identity, cluster, data: new ClusterDataShelf(cluster.caches, clock, metrics) };
  };
  const make = (configuration: DnsConfiguration, data: ClusterDataShelf | undefined): DnsServer => {
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
  const use = async (next: Extract<Look, { readonly kind: "read" }>): Promise<void> => {
    const { configuration, choice } = next;
    for (const warning of configuration.warnings) log.warn(warning);
    const former = { server, followed };
    const isSame = choice !== undefined && choice.identity === followed?.identity;
    const target = isSame ? followed : choice === undefined ? undefined : await follow(choice);
    let made: DnsServer | undefined;
    try {
      made = make(configuration, target?.data);
      if (!isSame) target?.cluster.loading(made.whenReady());
      const names = { clock, closing };
      if (options.waitsForNames === true && former.server === undefined) {
        // Pages first: whoever waits can see for what.
        server = made;
        await opening(operations.apply(configuration));
        await namesOrLate(made, names);
      } else {
        if (former.server?.notReady().length === 0) await expectNames(made, () => target?.cluster.problem(), names);
        await opening(operations.apply(configuration));
      }
      await opening(listeners.apply(made));
    } catch (error) {
      made?.stop();
      if (target !== former.followed) endOf(target);
      else if (former.server !== undefined) target?.data.keep(former.server.data);
      if (former.server !== undefined) await operations.apply(former.server.configuration);
      throw error;
    }
    server = made;
    followed = target;
    if (former.followed !== target) endOf(former.followed);
    target?.data.keep(made.data);
    // Questions that it forwarded end within this time.
    if (former.server !== undefined) clock.schedule(graceMs + 1000, () => former.server?.stop());
    if (used !== undefined) version.remove("sha256", used.fingerprint);
    used = next;
    refusedState = undefined;
    if (source.kind === "corefile") version.with("sha256", next.fingerprint).set(1);
    made.probeLoops();
  };
  const reload = async (): Promise<ReloadOutcome> => {
    const next = await look();
    if (next.state === used?.state || isClosing) {
      refusedState = undefined;
      return "unchanged";
    }
    try {
      if (next.kind === "failed") throw next.error;
      await use(next);
      log.info("DNS configuration reloaded", { places: listeners.places.join(" ") });
      return "reloaded";
    } catch (error) {
      if (isClosing) return "unchanged";
      failures.add();
      // Once for each text: the next look comes soon.
      if (refusedState !== next.state) {
        log.error("DNS configuration not used, the former one goes on", { error: messageOf(error) });
      }
      refusedState = next.state;
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
    if (settings === undefined || isClosing) return;
    const delay = settings.intervalMs + (random() * 2 - 1) * settings.jitterMs;
    cancelReload = clock.schedule(delay, () => void reloadInTurn().then(watch, watch));
  };

  const first = await look();
  if (first.kind === "failed") throw first.error;
  try {
    await use(first);
  } catch (error) {
    await operations.close();
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
      announceClosing();
      cancelReload();
      await reloading;
      operations.shutDown();
      const lameduck = Math.max(0, ...current().configuration.servers.map(({ health }) => health?.lameduckMs ?? 0));
      if (!now && lameduck > 0) await pause(clock, lameduck);
      await listeners.close(now ? 0 : graceMs);
      current().stop();
      endOf(followed);
      await operations.close();
    },
  };
}

/** What was read stays as it is. */
function endOf(followed: Followed | undefined): void {
  followed?.data.stop();
  followed?.cluster.close();
}

/** What is known of each zone of a cluster that is served. */
function clusterFacts({ chains }: DnsServer): readonly ClusterFacts[] {
  return chains.flatMap(({ block: { kubernetes, file, line }, data }) => {
    if (data === undefined || kubernetes === undefined) return [];
    const { services, endpointSlices, namespaces } = data.caches;
    const shown = { ...kubernetes, file, line };
    const shared = { namespaces, pods: kubernetes.pods, shown };
    return kubernetes.zones.map((domain) => {
      if (!kubernetes.multicluster.includes(domain) || data.caches.imports === undefined) {
        return { ...shared, services, endpointSlices, isSynced: data.knowsCluster(), domain };
      }
      const objects = importedObjects(data.caches.imports, kubernetes.endpointPodNames ? "pod" : "address");
      return { ...shared, ...objects, isImported: true, isSynced: data.isSynced(), domain };
    });
  });
}

/** How long connections to upstreams are kept without a question: as long as the most patient `forward` says. */
function idleTime({ servers }: DnsConfiguration): number {
  const times = servers.flatMap(({ forward }) => forward.map(({ expireMs }) => expireMs));
  return times.length === 0 ? 10_000 : Math.max(...times);
}
