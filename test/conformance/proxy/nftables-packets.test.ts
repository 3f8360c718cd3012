import { describePackets } from "./describe-packets.ts";
import { nftables } from "./engines.ts";
import { settings } from "./settings.ts";

describePackets(nftables, settings.slice(0, 1));
