import { describeSequences } from "./describe-sequences.ts";
import { nftables } from "./engines.ts";

describeSequences(nftables);
