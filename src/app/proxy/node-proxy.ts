import { CodedError, createMetrics, messageOf, oneAtATime } from "../../core/index.ts";
import type { Cidr, Clock, Logger, Metrics } from "../../core/index.ts";
import { openConntrack, writeSysctls } from "../../kernel/index.ts";
import { createHealthCheckServer } from "../../net/index.ts";
import type { EventRecorder } from "../../objects/index.ts";
import { createProxy, proxyModes } from "../../proxy/index.ts";
import type { Proxy, ProxyCaches, ProxyMode, ProxySettings, ProxyStats } from "../../proxy/index.ts";
import { writeConntrackSysctls } from "./conntrack-sysctls.ts";
import { openEngine } from "./open-engine.ts";
import { readProcessMetrics } from "./process-metrics.ts";
import { startProxyServers } from "./proxy-servers.ts";

/** What a node's proxy needs from its process. */
export interface NodeProxyOptions {
  readonly nodeName: string;
  readonly settings: ProxySettings;
  readonly caches: ProxyCaches;
  /** Ranges of the Services, unless the caches tell them. */
  readonly serviceCidrs?: readonly Cidr[];
  /** An earlier process of this node may have left rules of another mode. */
  readonly mayHaveLeftovers: boolean;
  readonly recorder: EventRecorder;
  readonly metrics?: Metrics;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The Service proxy of a node. */
export interface NodeProxy extends Pick<Proxy, "whenIdle" | "whenSynced" | "stop"> {
  status(): ProxyStats;
  /** Goes on in another mode, without a lost new connection. Rejects, and nothing changes, when it cannot run here. */
  setMode(mode: ProxyMode): Promise<void>;
}

/**
 * Starts the Service proxy of the network namespace in which this process lives. Rejects with `CodedError` when the mode
 * cannot run here, or when a server cannot listen and the settings call that fatal.
 */
export async function startNodeProxy(options: NodeProxyOptions): Promise<NodeProxy> {
  const { nodeName, caches, serviceCidrs, recorder, metrics = createMetrics(), clock, log } = options;
  let { settings } = options;
  const parts = { settings, metrics, log };
  const engine = await openEngine(settings.mode, parts);
  // Lets processes of the node reach node ports at 127.0.0.1; the rules keep others from using that way.
  if (settings.localhostNodePorts) writeSysctls({ "net/ipv4/conf/all/route_localnet": 1 });
  writeConntrackSysctls(settings.conntrack, log);
  readProcessMetrics(metrics);
  const { localTraffic } = settings;
  const proxy = createProxy({
    nodeName,
    caches,
    engine,
    flows: openConntrack(),
    resetRemoved: settings.resetRemoved,
    healthChecks: createHealthCheckServer(),
    recorder,
    metrics,
    clock,
    log,
    network: {
      ...(serviceCidrs === undefined ? {} : { serviceCidrs }),
      ...(localTraffic.kind === "node-cidr" ? {} : { localTraffic }),
      masqueradeAll: settings.masqueradeAll,
      masqueradeBit: settings.masqueradeBit,
    },
    nodePorts: settings,
    minSyncMs: settings.minSyncMs,
    syncMs: settings.syncMs,
  });
  // Rules of other modes are not removed while one of them becomes the mode.
  const inTurn = oneAtATime();
  // Traffic comes first: nobody asks a proxy how it is before it has rules.
  const whenServed = proxy.whenSynced().then(async () => {
    await startProxyServers({ proxy, metrics, settings: () => settings }, (what, error) => {
      log.error("a server of the proxy does not listen", { what, error: messageOf(error) });
      if (settings.bindAddressHardFail) process.exit(1);
    });
    if (!options.mayHaveLeftovers) return;
    for (const failure of await inTurn(() => removeOthers(proxy.stats().mode, parts))) {
      log.warn("rules of another proxy mode could not be removed", { failure });
    }
  });
  whenServed.catch((error: unknown) => log.error("the proxy's servers do not start", { error: messageOf(error) }));

  return {
    whenIdle: () => proxy.whenIdle(),
    whenSynced: () => proxy.whenSynced(),
    stop: (how) => proxy.stop(how),
    status: () => proxy.stats(),
    setMode: (mode) =>
      inTurn(async () => {
        if (mode === proxy.stats().mode) return;
        await proxy.setEngine(await openEngine(mode, parts));
        settings = { ...settings, mode };
      }),
  };
}

/**
 * Takes what processes left in this network namespace in other modes than `mode` out of it. Gives a sentence for each mode
 * whose rules could not be removed; one that cannot run here has left none.
 */
export async function removeOthers(
  mode: ProxyMode | undefined,
  parts: Parameters<typeof openEngine>[1],
): Promise<readonly string[]> {
  const failures: string[] = [];
  for (const other of proxyModes) {
    if (other === mode) continue;
    try {
      const engine = await openEngine(other, parts);
      await engine.remove();
      engine.close();
    } catch (error) {
      const cannotRun = error instanceof CodedError && impossible.has(error.code);
      if (!cannotRun) failures.push(`${other}: ${messageOf(error)}`);
    }
  }
  return failures;
}

/** Codes of errors that say that a mode cannot have run here. */
const impossible: ReadonlySet<string> = new Set(["ProxyModeUnavailable", "ProgramMissing"]);
