import { inUml } from "../../support/uml.ts";

await inUml(["src/rules/ipvs/golden.uml.test.ts", "test/conformance/proxy/ipvs-rules.uml.test.ts"], {
  memory: 1024,
  timeoutMs: 400_000,
});
