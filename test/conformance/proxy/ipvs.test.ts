import { inUml } from "../../support/uml.ts";

await inUml(["test/conformance/proxy/ipvs-packets.uml.test.ts"], { memory: 1536 });
