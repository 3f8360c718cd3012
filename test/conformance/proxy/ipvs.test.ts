import { inUml } from "../../support/uml.ts";

// Two kernels, one for each of the workers: the files below take minutes. The rest is in ipvs-changes.test.ts.
await inUml(
  [
    "test/conformance/proxy/ipvs-packets.uml.test.ts",
    "test/conformance/proxy/ipvs-distribution.uml.test.ts",
    "test/conformance/proxy/ipvs-sequences.uml.test.ts",
  ],
  { memory: 1536, timeoutMs: 600_000 },
);
