import { cidrsOfFamily } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import { fixedChains } from "./chain-names.ts";
import type { Match } from "./rule.ts";

/**
 * How rules tell the traffic of local pods: any one of `local` holds for it. `outside` with `markChain` sends other
 * traffic to be masqueraded: one rule can deny one network only, so for several ones the chain decides.
 */
export interface LocalDetector {
  readonly local: readonly Match[];
  readonly outside: readonly Match[];
  readonly markChain: string;
}

/** The detector for a family; `undefined` when nothing is known about local traffic there. */
export function localDetector({ localTraffic }: NodeNetwork, family: IpFamily): LocalDetector | undefined {
  const markChain = fixedChains.markMasquerade;
  switch (localTraffic.kind) {
    case "unknown":
      return undefined;
    case "bridge":
      return byLink(localTraffic.name);
    case "interface-prefix":
      return byLink(`${localTraffic.prefix}+`);
    case "pod-cidrs": {
      const networks = cidrsOfFamily(localTraffic.cidrs, family);
      const [first] = networks;
      if (first === undefined) return undefined;
      const local = networks.map((network): Match => ({ kind: "source", network }));
      if (networks.length > 1) return { local, outside: [], markChain: fixedChains.markOutside };
      return { local, outside: [{ kind: "source", network: first, not: true }], markChain };
    }
  }

  function byLink(name: string): LocalDetector {
    return {
      local: [{ kind: "in-interface", name }],
      outside: [{ kind: "in-interface", name, not: true }],
      markChain,
    };
  }
}
