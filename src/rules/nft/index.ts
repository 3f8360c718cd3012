export { and, concat, endpoint, expressionText, field, jhash, lookup, numgen, or } from "./expression.ts";
export type { Expression, Field, Value } from "./expression.ts";
export { familyWords } from "./family-words.ts";
export type { FamilyWords } from "./family-words.ts";
export { loopbackGuard, nodePortMatches, podMatch } from "./node-matches.ts";
export type { PodMatch } from "./node-matches.ts";
export { parseRule } from "./parse-rule.ts";
export { parseElements, parseTable } from "./parse-table.ts";
export type { ParsedTable } from "./parse-table.ts";
export { parsePriority, priorityText } from "./priority.ts";
export { assign, goTo, is, isIn, isNot, isNotIn, jump, parseVerdict, ruleText, verdict, vmap } from "./rule.ts";
export type { MatchTarget, Rule, RuleStatement, Verdict } from "./rule.ts";
export {
  elementCommand,
  fillScript,
  isFilledByPackets,
  ruleCommand,
  script,
  scriptText,
  tableOf,
} from "./statement.ts";
export type {
  BigScript,
  ChainDefinition,
  Element,
  ElementType,
  Hook,
  LoadSteps,
  Script,
  SetDefinition,
  Statement,
  TableLoad,
} from "./statement.ts";
export { tableDifferences } from "./table-difference.ts";
export type { TableDifference } from "./table-difference.ts";
export { groundStatements, tableLoad } from "./table-load.ts";
export type { FullWrite, WholeTable } from "./table-load.ts";
export { joinTransactions } from "./transaction.ts";
export { applyStatements, emptyTable } from "./table-state.ts";
export type { TableSet, TableState } from "./table-state.ts";
