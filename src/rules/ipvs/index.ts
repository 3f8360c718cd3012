export { fixedChains, groundText, hasGround, removalText, setDefinitions } from "./fixed-rules.ts";
export type { FixedChain, SetDefinition } from "./fixed-rules.ts";
export { IpvsBook } from "./ipvs-book.ts";
export type { IpvsScript } from "./ipvs-book.ts";
export { membersOf, parseIpset, parseIpvsadm } from "./parse.ts";
export type { ListedSet } from "./parse.ts";
export type { IpvsScheduler } from "./plan-items.ts";
export { commentText, render, script, toolOf } from "./render.ts";
export { serviceRules } from "./service-rules.ts";
export type { ServiceRulesOptions } from "./service-rules.ts";
export { shortcomings } from "./shortcomings.ts";
export { diffStates, stateOfStatements } from "./state.ts";
export type { IpvsState, ServerState } from "./state.ts";
export { destinationId, serverId, setName, setPrefix } from "./statement.ts";
export type {
  AddressKey,
  Destination,
  MarkKey,
  Member,
  ServerKey,
  ServerSettings,
  SetName,
  Statement,
  VirtualServer,
} from "./statement.ts";
