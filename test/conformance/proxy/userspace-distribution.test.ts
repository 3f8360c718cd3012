import { describeDistribution } from "./describe-distribution.ts";
import { userspace } from "./engines.ts";

describeDistribution(userspace);
