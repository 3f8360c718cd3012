import { silentLogger } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { IptablesBook, shortcomings } from "../../rules/iptables/index.ts";
import type { IptablesScript } from "../../rules/iptables/index.ts";
import type { ProxyEngine } from "../engine.ts";
import type { RulesPort } from "../rules-port.ts";
import { scriptedEngine } from "../scripted-engine.ts";

/** The iptables engine; `rules` is the node's iptables of either variant (`openIptables` in `kernel`). */
export function iptablesEngine({
  rules,
  tcpBeLiberal = false,
  log = silentLogger,
}: IptablesEngineOptions): ProxyEngine {
  const book = new IptablesBook({ tcpBeLiberal });
  const engine = scriptedEngine({ mode: "iptables", book, port: rules, shortcomings, log });
  // The same object: a copy would freeze its getters.
  return Object.assign(engine, { tableRules: () => book.tableRules() });
}

export interface IptablesEngineOptions {
  readonly rules: RulesPort<IptablesScript>;
  /** Whether the node's connection tracking is liberal with TCP (nf_conntrack_tcp_be_liberal). Default: no. */
  readonly tcpBeLiberal?: boolean;
  readonly log?: Logger;
}
