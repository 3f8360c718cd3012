import { inUml } from "../../support/uml.ts";

await inUml(
  [
    "src/rules/ipvs/golden.uml.test.ts",
    "test/conformance/proxy/ipvs-rules.uml.test.ts",
    "test/conformance/proxy/ipvs-round-trip.uml.test.ts",
  ],
  { memory: 1536, timeoutMs: 500_000 },
);
