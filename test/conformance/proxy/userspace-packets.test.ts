import { describePackets } from "./describe-packets.ts";
import { userspace } from "./engines.ts";

describePackets(userspace);
