import fc from "fast-check";
import type { Protocol } from "../../../src/core/index.ts";
import type { ServiceSpec } from "../../../src/objects/index.ts";
import type { ClusterUnderTest } from "./cluster.ts";
import { pods } from "./places.ts";
import { namespace, serviceOf, slicesOf } from "./service-objects.ts";
import type { SliceEntry } from "./service-objects.ts";

/** A change of the cluster, as a user or a controller would make it. */
export type Change =
  | {
      readonly kind: "service";
      readonly number: number;
      readonly spec: Partial<ServiceSpec>;
      readonly protocols: readonly Protocol[];
    }
  | { readonly kind: "endpoints"; readonly number: number; readonly entries: readonly SliceEntry[] }
  | { readonly kind: "delete-service"; readonly number: number }
  | { readonly kind: "delete-slices"; readonly number: number };

/** Few Services, so that changes meet. */
export const mostServices = 4;

const number = fc.integer({ min: 1, max: mostServices });
const policy = fc.constantFrom("Cluster" as const, "Local" as const);

const spec: fc.Arbitrary<Partial<ServiceSpec>> = fc
  .record({
    type: fc.constantFrom("ClusterIP" as const, "NodePort" as const, "LoadBalancer" as const),
    internalTrafficPolicy: policy,
    externalTrafficPolicy: policy,
    affinity: fc.boolean(),
    timeoutSeconds: fc.constantFrom(60, 10_800),
    ranges: fc.constantFrom([], ["192.168.100.0/24"], ["192.168.100.11/32", "10.244.0.0/16", "fd00:64::/64"]),
  })
  .map(({ affinity, timeoutSeconds, ranges, ...rest }) => ({
    ...rest,
    ...(affinity ? { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds } } } : {}),
    ...(ranges.length === 0 ? {} : { loadBalancerSourceRanges: ranges }),
  }));

const conditions = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ ready: false, serving: true, terminating: true }) },
  { weight: 1, arbitrary: fc.constant({ ready: false, serving: false, terminating: false }) },
);

const weights = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom(2, 5) },
  { weight: 1, arbitrary: fc.constant(0) },
);

const entries: fc.Arbitrary<readonly SliceEntry[]> = fc.subarray([...pods]).chain((chosen) =>
  fc.tuple(
    ...chosen.map((pod) =>
      fc.tuple(conditions, weights).map(([more, weight]): SliceEntry => ({
        pod,
        more: { conditions: more },
        ...(weight === undefined ? {} : { weight }),
      })),
    ),
  ),
);

/** Any change; endpoints come and go most often. */
export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("service" as const),
      number,
      spec,
      protocols: fc.subarray<Protocol>(["TCP", "UDP", "SCTP"], { minLength: 1 }),
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("endpoints" as const), number, entries }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete-service" as const), number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete-slices" as const), number }) },
);

/** Makes the change; what is not there is not deleted. */
export function make(change: Change, { services, slices }: Pick<ClusterUnderTest, "services" | "slices">): void {
  const name = `random-${change.number}`;
  switch (change.kind) {
    case "service":
      return services.set(serviceOf(name, change.number, change));
    case "endpoints":
      for (const slice of slicesOf(name, change.entries)) slices.set(slice);
      return;
    case "delete-service":
      return services.delete(namespace, name);
    case "delete-slices":
      for (const { metadata } of slicesOf(name, [])) slices.delete(namespace, metadata.name);
  }
}
