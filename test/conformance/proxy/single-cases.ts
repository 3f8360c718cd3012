import type { IpFamily } from "../../../src/core/index.ts";
import type { Service } from "../../../src/objects/index.ts";
import type { Fate, Packet, PacketCase, Path, SeenSource, Shares } from "./packet-case.ts";
import { addressOf, families, nodeOf, zones } from "./places.ts";
import type { NodeName, Place, PodName } from "./places.ts";
import { protocols, serviceOf, servicePort, slicesOf, virtualAddresses } from "./service-objects.ts";
import type { ServiceOptions, SliceEntry } from "./service-objects.ts";

/** A packet of a case as its table says it; it stands for one in each family and protocol. */
interface Row {
  readonly path: Path;
  readonly from: Place;
  readonly to: "cluster" | "loadBalancer" | "external" | "nodePort";
  readonly node?: NodeName;
  readonly port?: number;
  readonly fate: Fate;
  /** Default: both. */
  readonly families?: readonly IpFamily[];
}

export function served(by: readonly PodName[], source: SeenSource, shares?: Shares): Fate {
  return { kind: "served", by, source, ...(shares === undefined ? {} : { shares }) };
}

export const dropped: Fate = { kind: "dropped" };
export const rejected: Fate = { kind: "rejected" };
export const leaves: Fate = { kind: "leaves" };

interface CaseSource {
  readonly name: string;
  readonly number: number;
  readonly service?: ServiceOptions;
  readonly endpoints: readonly (PodName | SliceEntry)[];
  readonly rows: readonly Row[];
}

/** Makes a case of its table: every row in each protocol and family. */
export function caseOf({ name, number, service: options = {}, endpoints, rows }: CaseSource): PacketCase {
  const service: Service = serviceOf(name, number, options);
  return {
    name,
    service,
    slices: slicesOf(name, endpoints),
    packets: families.flatMap((family) =>
      protocols.flatMap((protocol) =>
        rows
          .filter((row) => row.families?.includes(family) ?? true)
          .map(({ path, from, to, node, port, fate }): Packet => {
            const addresses = virtualAddresses(number, family);
            const decidedBy = node ?? nodeOf(from);
            const isNodePort = to === "nodePort";
            return {
              packetCase: name,
              path,
              from,
              family,
              protocol,
              destination: isNodePort ? addressOf(decidedBy, family) : addresses[to],
              port: port ?? (isNodePort ? addresses.nodePort : servicePort),
              decidedBy,
              fate,
            };
          }),
      ),
    ),
  };
}

const everyone: readonly PodName[] = ["a1", "a2", "b1"];

function forZone(pod: PodName): SliceEntry {
  return { pod, more: { hints: { forZones: [{ name: zones[nodeOf(pod)] }] } } };
}

function forNode(pod: PodName): SliceEntry {
  const node = nodeOf(pod);
  return { pod, more: { hints: { forZones: [{ name: zones[node] }], forNodes: [{ name: node }] } } };
}

const balanced = { type: "LoadBalancer" } as const;

const oneTwoFive: Shares = { a1: 1, a2: 2, b1: 5 };

/** Endpoints of weight 1, 2 and 5. */
export const weights = caseOf({
  name: "weights",
  number: 115,
  service: { spec: { ...balanced, externalTrafficPolicy: "Local" } },
  endpoints: [
    { pod: "a1", weight: 1 },
    { pod: "a2", weight: 2 },
    { pod: "b1", weight: 5 },
  ],
  rows: [
    { path: "pod to cluster IP", from: "b1", to: "cluster", fate: served(everyone, "kept", oneTwoFive) },
    { path: "node to load balancer", from: "node-2", to: "loadBalancer", fate: served(everyone, "node", oneTwoFive) },
    {
      path: "outside to load balancer",
      from: "client",
      to: "loadBalancer",
      fate: served(["a1", "a2"], "kept", { a1: 1, a2: 2 }),
    },
  ],
});

/** What the matrix does not reach: hints, source ranges, what no Service has, ... */
export function singleCases(): readonly PacketCase[] {
  return [
    caseOf({
      name: "zone-hints",
      number: 100,
      endpoints: everyone.map(forZone),
      rows: [
        { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1", "a2"], "kept") },
        { path: "pod to cluster IP", from: "b1", to: "cluster", fate: served(["b1"], "kept") },
        { path: "outside to cluster IP", from: "client", to: "cluster", fate: served(["a1", "a2"], "node") },
      ],
    }),
    caseOf({
      name: "zone-hints-without-one",
      number: 101,
      endpoints: ["a1", forZone("a2"), forZone("b1")],
      rows: [{ path: "pod to cluster IP", from: "b1", to: "cluster", fate: served(everyone, "kept") }],
    }),
    caseOf({
      name: "node-hints",
      number: 102,
      endpoints: everyone.map(forNode),
      rows: [
        { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1", "a2"], "kept") },
        { path: "node to cluster IP", from: "node-2", to: "cluster", fate: served(["b1"], "node") },
      ],
    }),
    caseOf({
      name: "hints-for-elsewhere",
      number: 103,
      endpoints: [forZone("b1")],
      rows: [{ path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["b1"], "kept") }],
    }),
    caseOf({
      name: "hairpin",
      number: 104,
      service: { spec: balanced },
      endpoints: ["a1"],
      rows: [
        { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1"], "node") },
        { path: "pod to load balancer", from: "a1", to: "loadBalancer", fate: served(["a1"], "node") },
        { path: "pod to node port", from: "a1", to: "nodePort", node: "node-1", fate: served(["a1"], "node") },
      ],
    }),
    caseOf({
      name: "hairpin-local",
      number: 105,
      service: { spec: { ...balanced, internalTrafficPolicy: "Local", externalTrafficPolicy: "Local" } },
      endpoints: ["a1"],
      rows: [
        { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1"], "node") },
        { path: "pod to load balancer", from: "a1", to: "loadBalancer", fate: served(["a1"], "node") },
      ],
    }),
    caseOf({
      name: "source-ranges",
      number: 106,
      service: {
        spec: {
          ...balanced,
          loadBalancerSourceRanges: [
            "192.168.100.10/32",
            "10.244.1.2/32",
            "192.168.100.11/32",
            "fd00:64::10/128",
            "fd00:244:1::2/128",
            "fd00:64::11/128",
          ],
        },
      },
      endpoints: ["b1"],
      rows: [
        { path: "outside to load balancer", from: "client", to: "loadBalancer", fate: served(["b1"], "node") },
        { path: "pod to load balancer", from: "a1", to: "loadBalancer", fate: served(["b1"], "node") },
        { path: "node to load balancer", from: "node-1", to: "loadBalancer", fate: served(["b1"], "node") },
        { path: "pod to load balancer", from: "a2", to: "loadBalancer", fate: dropped },
        // The ranges guard the load balancer's addresses only.
        { path: "pod to external IP", from: "a2", to: "external", fate: served(["b1"], "node") },
        { path: "pod to node port", from: "a2", to: "nodePort", node: "node-1", fate: served(["b1"], "node") },
        { path: "pod to cluster IP", from: "a2", to: "cluster", fate: served(["b1"], "kept") },
      ],
    }),
    caseOf({
      name: "source-ranges-of-one-family",
      number: 107,
      service: { spec: { ...balanced, loadBalancerSourceRanges: [" 10.0.0.0/8 "] } },
      endpoints: ["b1"],
      rows: [
        { path: "outside to load balancer", from: "client", to: "loadBalancer", families: ["IPv4"], fate: dropped },
        // A family without a range of its own is open: upstream's rule.
        {
          path: "outside to load balancer",
          from: "client",
          to: "loadBalancer",
          families: ["IPv6"],
          fate: served(["b1"], "node"),
        },
        { path: "pod to load balancer", from: "a1", to: "loadBalancer", fate: served(["b1"], "node") },
      ],
    }),
    caseOf({
      name: "mode-proxy",
      number: 108,
      service: { spec: balanced, ipMode: "Proxy" },
      endpoints: ["b1"],
      rows: [
        { path: "load balancer of mode Proxy", from: "client", to: "loadBalancer", fate: leaves },
        { path: "load balancer of mode Proxy", from: "a1", to: "loadBalancer", fate: leaves },
        { path: "outside to external IP", from: "client", to: "external", fate: served(["b1"], "node") },
      ],
    }),
    caseOf({
      name: "unknown-port",
      number: 109,
      service: { spec: balanced },
      endpoints: ["b1"],
      rows: [
        { path: "unknown port", from: "a1", to: "cluster", port: 81, fate: rejected },
        { path: "unknown port", from: "node-1", to: "cluster", port: 81, fate: rejected },
        { path: "unknown port", from: "client", to: "cluster", port: 81, fate: rejected },
        // Only cluster IPs belong to their Services alone.
        { path: "unknown port", from: "a1", to: "loadBalancer", port: 81, fate: leaves },
      ],
    }),
    { ...caseOf({ name: "unallocated", number: 110, endpoints: [], rows: unallocated }), slices: [], ...nobody() },
    caseOf({
      name: "weight-zero",
      number: 112,
      endpoints: [{ pod: "a1", weight: 0 }, { pod: "a2" }, { pod: "b1", weight: 3 }],
      rows: [
        { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a2", "b1"], "kept", { a2: 1, b1: 3 }) },
      ],
    }),
    weights,
    caseOf({
      name: "published-although-not-ready",
      number: 113,
      service: { spec: { publishNotReadyAddresses: true } },
      // What the controller writes for such a Service: ready, although the pod is not.
      endpoints: [{ pod: "b1", more: { conditions: { ready: true, serving: false, terminating: false } } }],
      rows: [{ path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["b1"], "kept") }],
    }),
    caseOf({
      name: "served-by-another-proxy",
      number: 114,
      endpoints: ["b1"],
      rows: [{ path: "unallocated address", from: "a1", to: "cluster", fate: dropped }],
    }),
  ].map((one) => (one.name === "served-by-another-proxy" ? labelled(one) : one));
}

const unallocated: readonly Row[] = (["a1", "node-1", "client"] as const).map((from) => ({
  path: "unallocated address",
  from,
  to: "cluster",
  fate: dropped,
}));

/** A Service far from the addresses of the case. */
function nobody(): Pick<PacketCase, "service"> {
  return { service: serviceOf("unallocated", 111) };
}

function labelled(one: PacketCase): PacketCase {
  const labels = { "service.kubernetes.io/service-proxy-name": "somebody-else" };
  return { ...one, service: { ...one.service, metadata: { ...one.service.metadata, labels } } };
}
