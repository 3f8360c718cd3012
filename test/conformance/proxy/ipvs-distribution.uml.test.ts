import { describeDistribution } from "./describe-distribution.ts";
import { ipvs } from "./engines.ts";

describeDistribution(ipvs);
