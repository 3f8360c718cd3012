import { describeSequences } from "./describe-sequences.ts";
import { iptablesNft } from "./engines.ts";

describeSequences(iptablesNft);
