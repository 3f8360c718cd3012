import { inUml } from "../support/uml.ts";

await inUml(["test/lab/ipvs.uml.test.ts"], { memory: 1536, timeoutMs: 240_000 });
