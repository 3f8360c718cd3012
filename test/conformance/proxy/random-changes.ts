import fc from "fast-check";
import type { IpFamily, Protocol } from "../../../src/core/index.ts";
import { schedulerAnnotation, schedulers } from "../../../src/model/index.ts";
import type { ServiceSpec } from "../../../src/objects/index.ts";
import type { ClusterUnderTest } from "./cluster.ts";
import { families, nodes, pods, zones } from "./places.ts";
import { namespace, serviceOf, slicesOf } from "./service-objects.ts";
import type { ServiceOptions, SliceEntry } from "./service-objects.ts";

/** A change of the cluster, as a user or a controller would make it. */
export type Change =
  | { readonly kind: "service"; readonly number: number; readonly options: ServiceOptions }
  | {
      readonly kind: "endpoints";
      readonly number: number;
      readonly entries: readonly SliceEntry[];
      /** A controller writes one slice after the other: for a while only one family has the new endpoints. */
      readonly families: readonly IpFamily[];
    }
  /** Deleted and at once made again by another name, with the same addresses, ports and endpoints. */
  | { readonly kind: "rename"; readonly number: number }
  | { readonly kind: "delete-service"; readonly number: number }
  | { readonly kind: "delete-slices"; readonly number: number };

/** Changes that come so fast that the proxy may merge them. */
export interface Burst {
  readonly changes: readonly Change[];
  /** Those that come while the first ones are being written. */
  readonly meanwhile: readonly Change[];
}

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
    publishNotReadyAddresses: rarely(true),
    healthCheckNodePort: rarely(32_100),
  })
  .map(({ affinity, timeoutSeconds, ranges, publishNotReadyAddresses, healthCheckNodePort, ...rest }) => ({
    ...rest,
    ...(affinity ? { sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds } } } : {}),
    ...(ranges.length === 0 ? {} : { loadBalancerSourceRanges: ranges }),
    ...(publishNotReadyAddresses === undefined ? {} : { publishNotReadyAddresses }),
    ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
  }));

const options: fc.Arbitrary<ServiceOptions> = fc
  .record({
    spec,
    protocols: fc.subarray<Protocol>(["TCP", "UDP", "SCTP"], { minLength: 1 }),
    scheduler: rarely(...schedulers, "fairest"),
    ipMode: rarely("VIP" as const, "Proxy" as const),
  })
  .map(({ scheduler, ipMode, ...rest }) => ({
    ...rest,
    ...(scheduler === undefined ? {} : { annotations: { [schedulerAnnotation]: scheduler } }),
    ...(ipMode === undefined ? {} : { ipMode }),
  }));

/** One of the values in a third of the cases, else nothing. */
function rarely<T>(...values: readonly T[]): fc.Arbitrary<T | undefined> {
  return fc.oneof(
    { weight: 2, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constantFrom(...values) },
  );
}

const conditions = fc.oneof(
  { weight: 6, arbitrary: fc.constant({}) },
  { weight: 1, arbitrary: fc.constant({ ready: false, serving: true, terminating: true }) },
  { weight: 1, arbitrary: fc.constant({ ready: false, serving: false, terminating: false }) },
);

const hints = rarely(
  ...nodes.flatMap((name) => [
    { forZones: [{ name: zones[name] }] },
    { forZones: [{ name: zones[name] }], forNodes: [{ name }] },
  ]),
);

const weights = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  { weight: 2, arbitrary: fc.constantFrom(2, 5) },
  { weight: 1, arbitrary: fc.constant(0) },
);

const entries: fc.Arbitrary<readonly SliceEntry[]> = fc.subarray([...pods]).chain((chosen) =>
  fc.tuple(
    ...chosen.map((pod) =>
      fc.tuple(conditions, weights, hints).map(([state, weight, hinted]): SliceEntry => ({
        pod,
        more: { conditions: state, ...(hinted === undefined ? {} : { hints: hinted }) },
        ...(weight === undefined ? {} : { weight }),
      })),
    ),
  ),
);

/** Any change; endpoints come and go most often. */
export const anyChange: fc.Arbitrary<Change> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("service" as const), number, options }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("endpoints" as const),
      number,
      entries,
      families: fc.oneof(
        { weight: 3, arbitrary: fc.constant(families) },
        { weight: 1, arbitrary: fc.constantFrom<readonly IpFamily[]>(["IPv4"], ["IPv6"]) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("rename" as const), number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete-service" as const), number }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete-slices" as const), number }) },
);

/** Mostly one change, sometimes several at once or in the middle of a write. */
export const anyBurst: fc.Arbitrary<Burst> = fc.record({
  changes: fc.oneof(
    { weight: 2, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 1 }) },
    { weight: 1, arbitrary: fc.array(anyChange, { minLength: 2, maxLength: 6 }) },
  ),
  meanwhile: fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(anyChange, { minLength: 1, maxLength: 3 }) },
  ),
});

type Objects = Pick<ClusterUnderTest, "services" | "slices">;

/** Makes the change; what is not there is not deleted. */
export function make(change: Change, { services, slices }: Objects): void {
  const name = nameOf(change.number, services);
  switch (change.kind) {
    case "service":
      return services.set(serviceOf(name, change.number, withOwnPort(change)));
    case "endpoints":
      for (const slice of slicesOf(name, change.entries)) {
        if (change.families.some((family) => family === slice.addressType)) slices.set(slice);
      }
      return;
    case "rename":
      return rename(name, { services, slices });
    case "delete-service":
      return services.delete(namespace, name);
    case "delete-slices":
      for (const { metadata } of slicesOf(name, [])) slices.delete(namespace, metadata.name);
  }
}

/** As the API server sees to it, no two Services have the same health check port. */
function withOwnPort({ number, options }: Extract<Change, { readonly kind: "service" }>): ServiceOptions {
  const port = options.spec?.healthCheckNodePort;
  return port === undefined ? options : { ...options, spec: { ...options.spec, healthCheckNodePort: port + number } };
}

function nameOf(number: number, services: Objects["services"]): string {
  const renamed = `renamed-${number}`;
  return services.get(namespace, renamed) === undefined ? `random-${number}` : renamed;
}

/** There and back again, so that no two Services ever have the same addresses. */
function rename(name: string, { services, slices }: Objects): void {
  const service = services.get(namespace, name);
  if (service === undefined) return;
  const other = name.startsWith("random-") ? name.replace("random-", "renamed-") : name.replace("renamed-", "random-");
  const own = slices.indexed("service", `${namespace}/${name}`);
  services.delete(namespace, name);
  for (const { metadata } of own) slices.delete(namespace, metadata.name);
  services.set({ ...service, metadata: { ...service.metadata, name: other } });
  for (const { metadata, ...rest } of own) {
    slices.set({
      ...rest,
      metadata: {
        ...metadata,
        name: metadata.name.replace(name, other),
        labels: { "kubernetes.io/service-name": other },
      },
    });
  }
}
