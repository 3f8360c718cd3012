import { describePackets } from "./describe-packets.ts";
import { ipvs } from "./engines.ts";

describePackets(ipvs);
