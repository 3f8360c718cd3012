import { describeConvergence } from "./describe-convergence.ts";
import { nftables } from "./engines.ts";
import { nftablesRulesOf } from "./nftables-walk.ts";

describeConvergence(nftables, nftablesRulesOf);
