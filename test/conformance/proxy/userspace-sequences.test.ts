import { describeSequences } from "./describe-sequences.ts";
import { userspace } from "./engines.ts";

describeSequences(userspace);
