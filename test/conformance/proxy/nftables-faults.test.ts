import { describeFaults } from "./describe-faults.ts";
import { nftables } from "./engines.ts";

describeFaults(nftables);
