import { describeSequences } from "./describe-sequences.ts";
import { iptablesLegacy } from "./engines.ts";

describeSequences(iptablesLegacy);
