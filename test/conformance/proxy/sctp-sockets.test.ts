import { inUml } from "../../support/uml.ts";

// A kernel of its own: once it has SCTP, it answers what other tests answer by raw packets.
await inUml(["test/conformance/proxy/sctp-sockets.uml.test.ts"]);
