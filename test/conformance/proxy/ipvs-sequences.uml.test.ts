import { describeSequences } from "./describe-sequences.ts";
import { ipvs } from "./engines.ts";

describeSequences(ipvs);
