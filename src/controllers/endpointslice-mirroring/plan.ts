import { parseIp, ipFamily } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import type { EndpointAddress, Endpoint, EndpointPort, Endpoints, Service } from "../../objects/index.ts";
import { portsKey } from "../endpointslice/endpoints-of-pods.ts";
import type { PortGroup } from "../endpointslice/endpoints-of-pods.ts";
import { triggerTimeAnnotation } from "../trigger-time.ts";

/** The value of the managed-by label on mirrored slices. */
export const mirroredBy = "endpointslicemirroring-controller.k8s.io";
const skipLabel = "endpointslice.kubernetes.io/skip-mirror";
const leaderAnnotation = "control-plane.alpha.kubernetes.io/leader";
const notCopied = new Set(["kubectl.kubernetes.io/last-applied-configuration", triggerTimeAnnotation]);
const maxPerSubset = 1_000;

/** Whether Endpoints written by hand are to be seen by readers of slices too. */
export function isMirrored(endpoints: Endpoints, service: Service | undefined): boolean {
  return (
    service !== undefined &&
    service.spec.type !== "ExternalName" &&
    Object.keys(service.spec.selector ?? {}).length === 0 &&
    endpoints.metadata.labels?.[skipLabel] !== "true" &&
    endpoints.metadata.annotations?.[leaderAnnotation] === undefined
  );
}

/** The annotations that a mirrored slice takes over. */
export function mirroredAnnotations(endpoints: Endpoints): Readonly<Record<string, string>> {
  const all = Object.entries(endpoints.metadata.annotations ?? {});
  return Object.fromEntries(all.filter(([key]) => !notCopied.has(key)));
}

export interface Mirrored {
  readonly families: ReadonlyMap<IpFamily, ReadonlyMap<string, PortGroup>>;
  /** Addresses that are none. */
  readonly invalid: readonly string[];
  /** Addresses beyond what one subset may have. */
  readonly skipped: number;
}

/** The endpoints that hand-written subsets say, by family and ports. */
export function endpointsOfSubsets(endpoints: Endpoints): Mirrored {
  const families = new Map<IpFamily, Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>>();
  const invalid: string[] = [];
  let skipped = 0;
  for (const subset of endpoints.subsets ?? []) {
    const ports = (subset.ports ?? []).map((port) => ({ name: "", protocol: "TCP" as const, ...port }));
    const all = [
      ...(subset.addresses ?? []).map((address) => ({ address, ready: true })),
      ...(subset.notReadyAddresses ?? []).map((address) => ({ address, ready: false })),
    ];
    skipped += Math.max(0, all.length - maxPerSubset);
    for (const { address, ready } of all.slice(0, maxPerSubset)) {
      const ip = parseIp(address.ip);
      if (ip === undefined) {
        invalid.push(address.ip);
        continue;
      }
      const groups = families.get(ipFamily(ip)) ?? new Map();
      families.set(ipFamily(ip), groups);
      const group = groups.get(portsKey(ports)) ?? { ports, endpoints: [] };
      groups.set(portsKey(ports), group);
      group.endpoints.push(mirroredEndpoint(address, ready));
    }
  }
  return { families, invalid, skipped };
}

function mirroredEndpoint({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === undefined ? {} : { nodeName }),
    ...(targetRef === undefined ? {} : { targetRef }),
  };
}
