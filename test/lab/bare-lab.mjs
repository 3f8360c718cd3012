// A supervisor without a control plane, for tests of the lab's network alone. Needs the built package.
// Usage: unshare ... node bare-lab.mjs; prints the host's number of its process when the lab stands.
import { silentLogger } from "../../dist/core/index.js";
import { buildTopology, enterLab, planTopology, startOutsideHost, startRelay } from "../../dist/lab/index.js";
import { systemClock } from "../../dist/net/index.js";

const { hostPid } = enterLab();
const topology = planTopology({ nodes: 2 });
buildTopology(topology);
await startOutsideHost(topology.outsideHosts[0], systemClock, silentLogger);
await startRelay("/run/sealane/relay.sock", silentLogger);
process.stdout.write(`${hostPid}\n`);
