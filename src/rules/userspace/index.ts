export type { ListenerPlace } from "./layout.ts";
export { UserspaceRules } from "./rule-set.ts";
export { serviceRules } from "./service-rules.ts";
export { shortcomings } from "./shortcomings.ts";
export { tableName } from "./table-name.ts";
