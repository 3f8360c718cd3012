export { RuleSet } from "./rule-set.ts";
export type { Transaction } from "./rule-set.ts";
export { masqueradeBit } from "./shape.ts";
export { tableName } from "./statement.ts";
