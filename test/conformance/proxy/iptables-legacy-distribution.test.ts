import { describeDistribution } from "./describe-distribution.ts";
import { iptablesLegacy } from "./engines.ts";

describeDistribution(iptablesLegacy);
