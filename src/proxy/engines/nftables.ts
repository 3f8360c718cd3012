import { silentLogger } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { RuleSet, shortcomings } from "../../rules/nftables/index.ts";
import type { Script } from "../../rules/nft/index.ts";
import type { ProxyEngine } from "../engine.ts";
import type { RulesPort } from "../rules-port.ts";
import { scriptedEngine } from "../scripted-engine.ts";

/** The nftables engine; `rules` is the node's nftables (`openNft` in `kernel`). */
export function nftablesEngine({ rules, log = silentLogger }: NftablesEngineOptions): ProxyEngine {
  const book = new RuleSet();
  return scriptedEngine({ mode: "nftables", book, port: rules, chains: () => book.chains(), shortcomings, log });
}

export interface NftablesEngineOptions {
  readonly rules: RulesPort<Script>;
  readonly log?: Logger;
}
