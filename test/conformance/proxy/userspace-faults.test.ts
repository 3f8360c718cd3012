import { describeFaults } from "./describe-faults.ts";
import { userspace } from "./engines.ts";

describeFaults(userspace);
