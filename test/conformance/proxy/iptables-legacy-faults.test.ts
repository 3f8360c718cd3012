import { describeFaults } from "./describe-faults.ts";
import { iptablesLegacy } from "./engines.ts";

describeFaults(iptablesLegacy);
