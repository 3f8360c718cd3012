import { describePackets } from "./describe-packets.ts";
import { iptablesNft } from "./engines.ts";

describePackets(iptablesNft);
