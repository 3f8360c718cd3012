import { silentLogger } from "../../core/index.ts";
import type { Clock, IpFamily, Logger, Metrics, Random } from "../../core/index.ts";
import type { Scheduler } from "../../model/index.ts";
import type { Script } from "../../rules/nft/index.ts";
import { shortcomings, UserspaceRules } from "../../rules/userspace/index.ts";
import type { EngineStats, ProxyEngine, WriteResult } from "../engine.ts";
import type { TrackedFlow } from "../ports.ts";
import type { RulesPort } from "../rules-port.ts";
import { scriptedEngine } from "../scripted-engine.ts";
import type { RelayListeners, RelayPort } from "../userspace/relay-port.ts";
import { readRelayMetrics } from "../userspace/relay-metrics.ts";
import { RelayRouter } from "../userspace/relay-router.ts";
import type { RelayCounters } from "../userspace/relay-router.ts";

/** The engine that relays through its own sockets, and what its endpoints have carried. */
export interface UserspaceEngine extends ProxyEngine {
  /** One entry for each endpoint of a Service that was used. */
  counters(): Iterable<RelayCounters>;
}

export interface UserspaceEngineOptions {
  /** The node's nftables (`openNft` in `kernel`). */
  readonly rules: RulesPort<Script>;
  /** The node's relay sockets (`openRelay` in `net`); the engine closes them. */
  readonly relay: RelayPort;
  readonly clock: Clock;
  readonly random: Random;
  /** For Services that choose none themselves. Default: `wrr`; by the client's address for those with session affinity. */
  readonly scheduler?: Scheduler;
  /** TCP connections of an endpoint that has gone are broken after this long; absent: they go on until they end. */
  readonly drainMs?: number;
  /** Where the numbers of each endpoint are shown. */
  readonly metrics?: Metrics;
  readonly log?: Logger;
}

/** The userspace engine: rules redirect clients to listeners, and the endpoint is chosen here, with every scheduler. */
export function userspaceEngine(options: UserspaceEngineOptions): UserspaceEngine {
  const { rules, relay, metrics, log = silentLogger } = options;
  const router = new RelayRouter(options);
  const book = new UserspaceRules();
  const scripted = scriptedEngine({
    mode: "userspace",
    book,
    port: rules,
    chains: () => book.chains(),
    shortcomings,
    log,
  });
  const places = new Map<IpFamily, RelayListeners>();
  /** Services that go: their connections are taken until the rules have gone, too. */
  const leaving = new Set<string>();
  const stopMetrics = metrics === undefined ? undefined : readRelayMetrics(metrics, () => router.counters());
  let isOpen = true;

  /** Whether listeners were opened, so that rules must be written that lead there. */
  const listen = async (): Promise<boolean> => {
    let changed = false;
    for (const family of book.families()) {
      const place = await relay.listen(family, (arrival) => router.accept(arrival));
      if (places.get(family) === place) continue;
      changed ||= places.has(family);
      places.set(family, place);
      book.setListeners(family, place);
    }
    return changed;
  };
  const written = (result: WriteResult): WriteResult => {
    if (result.kind === "written") {
      for (const service of leaving) router.set(service, []);
      leaving.clear();
    }
    return result;
  };

  return {
    mode: "userspace",
    retire: () => Promise.resolve(),
    setNetwork: (network) => scripted.setNetwork(network),
    want(service, plans) {
      scripted.want(service, plans);
      if (plans.length === 0) leaving.add(service);
      else {
        leaving.delete(service);
        router.set(service, plans);
      }
    },
    async writeChanges(services, settings) {
      const moved = await listen();
      if (!moved) return written(await scripted.writeChanges(services, settings));
      if (settings.mayMismatch) return { kind: "mismatch", reason: "the listeners had to move to another address" };
      return written(await scripted.writeAll(services));
    },
    async writeAll(services) {
      await listen();
      return written(await scripted.writeAll(services));
    },
    noticesOthers: () => (relay.isLost() ? "damage" : scripted.noticesOthers()),
    shortcomings,
    get stats(): EngineStats {
      return scripted.stats;
    },
    counters: () => router.counters(),
    ownsFlow({ protocol, answeredBy, answeredFrom }: TrackedFlow) {
      if (protocol === "SCTP") return false;
      for (const { address, ports } of places.values()) {
        const { cluster, local } = ports[protocol];
        if (answeredBy === address && (answeredFrom === cluster || answeredFrom === local)) return true;
      }
      return false;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      stopMetrics?.();
      relay.close();
      scripted.close();
    },
    async remove() {
      await scripted.remove();
    },
  };
}
