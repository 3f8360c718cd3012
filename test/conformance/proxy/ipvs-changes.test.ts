import { inUml } from "../../support/uml.ts";

await inUml(
  [
    "test/conformance/proxy/ipvs-switching.uml.test.ts",
    "test/conformance/proxy/ipvs-convergence.uml.test.ts",
    "test/conformance/proxy/ipvs-faults.uml.test.ts",
  ],
  { memory: 1536, timeoutMs: 600_000 },
);
