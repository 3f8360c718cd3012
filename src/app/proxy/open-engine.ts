import { CodedError } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { openNft } from "../../kernel/index.ts";
import { nftablesEngine } from "../../proxy/index.ts";
import type { ProxyEngine, ProxyMode, ProxySettings } from "../../proxy/index.ts";

/** What engines are made from. */
export interface EngineParts {
  readonly settings: ProxySettings;
  readonly log: Logger;
}

/**
 * Makes the engine of a mode for the network namespace in which this process lives. Rejects with `CodedError`
 * "ProxyModeUnavailable" when this machine cannot run it.
 */
export function openEngine(mode: ProxyMode, { log }: EngineParts): Promise<ProxyEngine> {
  switch (mode) {
    case "nftables":
      return Promise.resolve(nftablesEngine({ rules: openNft(), log }));
    case "iptables":
    case "ipvs":
    case "userspace":
    case "ebpf":
      return Promise.reject(
        new CodedError("ProxyModeUnavailable", `There is no engine for the proxy mode ${mode} yet; use nftables`),
      );
  }
}
