import { openIpvsRules } from "../../../src/kernel/index.ts";
import { systemClock } from "../../../src/net/index.ts";
import { ipvsEngine } from "../../../src/proxy/index.ts";
import { describeFaults } from "./describe-faults.ts";
import { ipvs } from "./engines.ts";

const wasteAll = (): void => ipvs.damages.forEach(([, damage]) => damage());

// With the scheduler that an agent has by default, as the agent here. The kernel is ten times slower than the machine, and an agent repairs
// after longer and longer pauses: so what is tried one by one elsewhere happens at once.
describeFaults(
  {
    ...ipvs,
    open: (namespace) => ipvsEngine({ ipvs: openIpvsRules({ namespace }), clock: systemClock }),
    damages: [["rules, device and sets at once", wasteAll]],
  },
  { services: 19, changesPerSecond: 50, convergenceMs: 50_000, apiAwayMs: 60_000 },
);
