import { describeConvergence } from "./describe-convergence.ts";
import { userspace } from "./engines.ts";

describeConvergence(userspace);
