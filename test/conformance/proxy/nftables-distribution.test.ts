import { describeDistribution } from "./describe-distribution.ts";
import { nftables } from "./engines.ts";

describeDistribution(nftables);
