import { describePackets } from "./describe-packets.ts";
import { nftables } from "./engines.ts";

describePackets(nftables);
