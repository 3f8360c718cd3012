import { describeConvergence } from "./describe-convergence.ts";
import { iptablesNft } from "./engines.ts";
import { iptablesRulesOf } from "./iptables-walk.ts";

describeConvergence(iptablesNft, iptablesRulesOf);
