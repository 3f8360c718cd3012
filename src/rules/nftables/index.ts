export { RuleSet } from "./rule-set.ts";
export { shortcomings } from "./scheduling.ts";
export { tableName } from "./table-name.ts";
export { serviceRules } from "./explain.ts";
