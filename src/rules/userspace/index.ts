export type { ListenerPlace } from "./layout.ts";
export { UserspaceRules } from "./rule-set.ts";
export type { Transaction } from "./rule-set.ts";
export { renderRule, scriptText } from "./render.ts";
export type { Script } from "./render.ts";
export { tableName } from "./statement.ts";
export type { Action, Chain, ChainName, Element, Hook, Match, Rule, SetName, Statement } from "./statement.ts";
