import { describeConvergence } from "./describe-convergence.ts";
import { iptablesLegacy } from "./engines.ts";
import { iptablesRulesOf } from "./iptables-walk.ts";

describeConvergence(iptablesLegacy, iptablesRulesOf);
