export type { ListenerPlace } from "./layout.ts";
export { UserspaceRules } from "./rule-set.ts";
export type { Transaction } from "./rule-set.ts";
export { parseRule, parseTable } from "./parse-table.ts";
export type { ParsedTable } from "./parse-table.ts";
export { serviceRules } from "./service-rules.ts";
export type { ExplainedRule } from "./service-rules.ts";
export { tableDifferences } from "./table-difference.ts";
export type { TableDifference } from "./table-difference.ts";
export { renderRule, scriptText } from "./render.ts";
export type { Script } from "./render.ts";
export { tableName } from "./statement.ts";
export type {
  Action,
  Chain,
  ChainName,
  Element,
  Hook,
  Match,
  Rule,
  SetName,
  Statement,
  TableState,
} from "./statement.ts";
