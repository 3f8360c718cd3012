import { describeConvergence } from "./describe-convergence.ts";
import { ipvs } from "./engines.ts";
import { ipvsRulesOf } from "./ipvs-walk.ts";

describeConvergence(ipvs, ipvsRulesOf);
