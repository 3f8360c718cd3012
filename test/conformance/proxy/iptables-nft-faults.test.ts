import { describeFaults } from "./describe-faults.ts";
import { iptablesNft } from "./engines.ts";

describeFaults(iptablesNft);
