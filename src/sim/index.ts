export { everyWay } from "./choices.ts";
export type { Choose, Way } from "./choices.ts";
export { iptablesRules } from "./iptables-walk.ts";
export { ipvsAddresses, ipvsRules } from "./ipvs-walk.ts";
export { isLocal, walkKernel } from "./kernel-walk.ts";
export type { ChainEnd, Flow, HookedRules, HookName } from "./kernel-walk.ts";
export { nftablesRules } from "./nftables-walk.ts";
export type { Atom, SimMemory, SimNode, SimOutcome, SimPacket, SimVerdict, TraceStep } from "./packet.ts";
