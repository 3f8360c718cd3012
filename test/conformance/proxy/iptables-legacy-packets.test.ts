import { describePackets } from "./describe-packets.ts";
import { iptablesLegacy } from "./engines.ts";

describePackets(iptablesLegacy);
