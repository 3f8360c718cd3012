import type { Endpoint, Scheduler, ServicePlan } from "../../src/model/index.ts";
import { ip } from "../../src/core/index.ts";
import { endpointAt, planWith } from "./service-plans.ts";

/** Three endpoints of weights 1, 2 and 5. */
export const weighted: readonly Endpoint[] = [1, 2, 5].map((weight, i) => ({
  ...endpointAt(`10.244.2.${i + 2}`, "node-2"),
  ...(weight === 1 ? {} : { weight }),
}));

const schedulers: readonly (Scheduler | undefined)[] = [undefined, "rr", "wrr", "sh", "dh", "mh", "fo", "lc"];

/** A plan for each way to pick among endpoints of different weights, with and without affinity, by the Service's name. */
export const schedulerPlans: ReadonlyMap<string, readonly ServicePlan[]> = new Map(
  schedulers.map((scheduler, i) => {
    const name = `pick/${scheduler ?? "weights"}`;
    const more = scheduler === undefined ? {} : { scheduler };
    const common = { service: name, nodePort: 30_200 + 10 * i, affinitySeconds: 30, ...more };
    const six = weighted.map((endpoint, at) => ({ ...endpoint, ip: ip(`fd00:244::${at + 2}`) }));
    return [
      name,
      [
        planWith({ service: name, clusterIP: `10.96.1.${i}`, cluster: weighted, ...more }),
        planWith({ ...common, portName: "sticky", clusterIP: `10.96.1.${i}`, port: 81, cluster: weighted }),
        planWith({
          ...common,
          portName: "six",
          family: "IPv6",
          clusterIP: `fd00:96::1:${i}`,
          externalTrafficPolicy: "Local",
          cluster: six,
          local: six.slice(0, 2),
        }),
      ],
    ];
  }),
);
