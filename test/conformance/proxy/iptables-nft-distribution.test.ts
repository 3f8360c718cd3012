import { describeDistribution } from "./describe-distribution.ts";
import { iptablesNft } from "./engines.ts";

describeDistribution(iptablesNft);
