export type { ListenerPlace } from "./layout.ts";
export { UserspaceRules } from "./rule-set.ts";
export type { Transaction } from "./rule-set.ts";
export { tableName } from "./statement.ts";
export type { Action, Chain, ChainName, Element, Hook, Match, Rule, SetName, Statement } from "./statement.ts";
