import { describeConvergence } from "./describe-convergence.ts";
import { ipvs } from "./engines.ts";

describeConvergence(ipvs);
