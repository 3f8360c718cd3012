import { CodedError, messageOf } from "../../core/index.ts";
import type { Logger, Metrics } from "../../core/index.ts";
import { openIptables, openIpvsRules, openNft, openRelaySockets } from "../../kernel/index.ts";
import { openRelay, systemClock } from "../../net/index.ts";
import { iptablesEngine, ipvsEngine, nftablesEngine, userspaceEngine } from "../../proxy/index.ts";
import type { ProxyEngine, ProxyMode, ProxySettings } from "../../proxy/index.ts";

/** What engines are made from. */
export interface EngineParts {
  readonly settings: ProxySettings;
  readonly metrics?: Metrics;
  readonly log: Logger;
}

/**
 * Makes the engine of a mode for the network namespace in which this process lives. Rejects with `CodedError`
 * "ProxyModeUnavailable" when this machine cannot run it.
 */
export function openEngine(mode: ProxyMode, { settings, metrics, log }: EngineParts): Promise<ProxyEngine> {
  switch (mode) {
    case "nftables":
      return Promise.resolve(nftablesEngine({ rules: openNft(), log }));
    case "userspace":
      return Promise.resolve(
        userspaceEngine({
          rules: openNft(),
          relay: openRelay({ kernel: openRelaySockets(), clock: systemClock }),
          clock: systemClock,
          random: Math.random,
          ...(settings.scheduler === undefined ? {} : { scheduler: settings.scheduler }),
          ...(settings.resetRemoved ? { drainMs: 0 } : {}),
          ...(metrics === undefined ? {} : { metrics }),
          log,
        }),
      );
    case "iptables":
      return Promise.resolve(
        iptablesEngine({ rules: openIptables(), tcpBeLiberal: settings.conntrack.tcpBeLiberal, log }),
      );
    case "ipvs":
      return openIpvsEngine({ settings, log });
    case "ebpf":
      return Promise.reject(
        new CodedError("ProxyModeUnavailable", `There is no engine for the proxy mode ${mode} yet; use nftables`),
      );
  }
}

async function openIpvsEngine({ settings, log }: EngineParts): Promise<ProxyEngine> {
  const { scheduler, ipvs } = settings;
  if (scheduler === "random") {
    throw new CodedError(
      "ProxyModeUnavailable",
      "IPVS has no scheduler random, which was asked for as the one of all Services: start with another --ipvs-scheduler",
    );
  }
  const timeouts = {
    tcpSeconds: seconds(ipvs.tcpTimeoutMs),
    tcpFinSeconds: seconds(ipvs.tcpFinTimeoutMs),
    udpSeconds: seconds(ipvs.udpTimeoutMs),
  };
  try {
    const rules = openIpvsRules({ timeouts });
    const chosen = scheduler === undefined ? {} : { scheduler };
    return ipvsEngine({ ipvs: rules, clock: systemClock, resetRemoved: settings.resetRemoved, log, ...chosen });
  } catch (error) {
    throw new CodedError("ProxyModeUnavailable", messageOf(error), { cause: error });
  }
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
