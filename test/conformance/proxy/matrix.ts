import type { IpFamily, Protocol } from "../../../src/core/index.ts";
import type { TrafficPolicy } from "../../../src/objects/index.ts";
import type { Fate, Packet, PacketCase, Path, SeenSource } from "./packet-case.ts";
import { addressOf, families, isNode, isPod, nodeOf } from "./places.ts";
import type { NodeName, Place, PodName } from "./places.ts";
import { protocols, serviceOf, servicePort, slicesOf, virtualAddresses } from "./service-objects.ts";
import type { SliceEntry } from "./service-objects.ts";

const terminating = { conditions: { ready: false, serving: true, terminating: true } };
const notReady = { conditions: { ready: false, serving: false, terminating: false } };

/** Where the endpoints of a Service are, and which of them a policy finds. */
interface EndpointState {
  readonly name: string;
  readonly entries: readonly SliceEntry[];
  readonly cluster: readonly PodName[];
  readonly local: Readonly<Record<NodeName, readonly PodName[]>>;
}

/** Who serves in each state; terminating endpoints do when no other is left (KEP-1669). */
export const endpointStates: readonly EndpointState[] = [
  {
    name: "everywhere",
    entries: [{ pod: "a1" }, { pod: "a2" }, { pod: "b1" }],
    cluster: ["a1", "a2", "b1"],
    local: { "node-1": ["a1", "a2"], "node-2": ["b1"] },
  },
  {
    name: "on the other node",
    entries: [{ pod: "b1" }],
    cluster: ["b1"],
    local: { "node-1": [], "node-2": ["b1"] },
  },
  { name: "nowhere", entries: [], cluster: [], local: { "node-1": [], "node-2": [] } },
  {
    name: "not ready",
    entries: [
      { pod: "a1", more: notReady },
      { pod: "b1", more: notReady },
    ],
    cluster: [],
    local: { "node-1": [], "node-2": [] },
  },
  {
    name: "terminating only",
    entries: [
      { pod: "a1", more: terminating },
      { pod: "b1", more: terminating },
    ],
    cluster: ["a1", "b1"],
    local: { "node-1": ["a1"], "node-2": ["b1"] },
  },
  {
    name: "terminating here, ready there",
    entries: [{ pod: "a1", more: terminating }, { pod: "b1" }],
    cluster: ["b1"],
    local: { "node-1": ["a1"], "node-2": ["b1"] },
  },
];

/** A way to a Service: who sends to which of its addresses, and whose rules decide. */
interface Way {
  readonly path: Path;
  readonly from: Place;
  readonly to: "cluster" | "loadBalancer" | "external" | "nodePort" | "localhost";
  /** For node ports: whose. */
  readonly node?: NodeName;
}

const ways: readonly Way[] = [
  { path: "pod to cluster IP", from: "a1", to: "cluster" },
  { path: "pod to cluster IP", from: "b1", to: "cluster" },
  { path: "node to cluster IP", from: "node-1", to: "cluster" },
  { path: "node to cluster IP", from: "node-2", to: "cluster" },
  { path: "outside to cluster IP", from: "client", to: "cluster" },
  { path: "outside to node port", from: "client", to: "nodePort", node: "node-1" },
  { path: "outside to node port", from: "client", to: "nodePort", node: "node-2" },
  { path: "outside to node port", from: "node-2", to: "nodePort", node: "node-1" },
  { path: "outside to node port", from: "a1", to: "nodePort", node: "node-2" },
  { path: "node to node port", from: "node-1", to: "nodePort", node: "node-1" },
  { path: "pod to node port", from: "a1", to: "nodePort", node: "node-1" },
  { path: "localhost to node port", from: "node-1", to: "localhost", node: "node-1" },
  { path: "outside to load balancer", from: "client", to: "loadBalancer" },
  { path: "pod to load balancer", from: "a1", to: "loadBalancer" },
  { path: "pod to load balancer", from: "b1", to: "loadBalancer" },
  { path: "node to load balancer", from: "node-1", to: "loadBalancer" },
  { path: "outside to external IP", from: "client", to: "external" },
  { path: "pod to external IP", from: "a1", to: "external" },
];

const policies: readonly TrafficPolicy[] = ["Cluster", "Local"];

/** Every way to Services of every pair of policies in every state of their endpoints. */
export function matrix(): readonly PacketCase[] {
  const rows = policies.flatMap((internal) =>
    policies.flatMap((external) => endpointStates.map((state) => ({ internal, external, state }))),
  );
  return rows.map(({ internal, external, state }, index) => {
    const number = index + 1;
    const name = `internal-${internal}-external-${external}-${state.name}`.toLowerCase().replaceAll(/[ ,]+/g, "-");
    const spec = {
      type: "LoadBalancer",
      internalTrafficPolicy: internal,
      externalTrafficPolicy: external,
    } as const;
    return {
      name,
      service: serviceOf(name, number, { spec }),
      slices: slicesOf(name, state.entries),
      packets: families.flatMap((family) =>
        protocols.flatMap((protocol) =>
          waysOf(family, protocol).map((way) =>
            packet(name, way, number, family, protocol, fateOf(way, internal, external, state)),
          ),
        ),
      ),
    };
  });
}

/** The suite's own SCTP would answer on the loopback link in place of the kernel. */
function waysOf(family: IpFamily, protocol: Protocol): readonly Way[] {
  return family === "IPv6" && protocol === "SCTP" ? ways.filter(({ to }) => to !== "localhost") : ways;
}

function packet(
  packetCase: string,
  way: Way,
  number: number,
  family: IpFamily,
  protocol: Protocol,
  fate: Fate,
): Packet {
  const addresses = virtualAddresses(number, family);
  const decidedBy = way.node ?? nodeOf(way.from);
  const nodePort = way.to === "nodePort" || way.to === "localhost";
  const destination =
    way.to === "localhost"
      ? family === "IPv4"
        ? "127.0.0.1"
        : "::1"
      : way.to === "nodePort"
        ? addressOf(decidedBy, family)
        : addresses[way.to];
  const port = nodePort ? addresses.nodePort : servicePort;
  const common = { packetCase, path: way.path, from: way.from, family, protocol, destination, port, decidedBy };
  // No kernel lets packets of ::1 leave the loopback link.
  if (way.to === "localhost" && family === "IPv6") return { ...common, fate: { kind: "rejected" }, wanted: fate };
  return { ...common, fate };
}

/** Rows 1 to 10 of the table of paths. */
function fateOf(way: Way, internal: TrafficPolicy, external: TrafficPolicy, { cluster, local }: EndpointState): Fate {
  const node = way.node ?? nodeOf(way.from);
  const fromOwnPod = isPod(way.from) && nodeOf(way.from) === node;
  const fromNodeItself = way.from === node;
  const isInternal = way.to === "cluster";
  // The node's own pods and processes reach all endpoints by outside addresses, whatever the external policy.
  const policy = isInternal ? internal : fromOwnPod || fromNodeItself ? "Cluster" : external;
  const found = policy === "Cluster" ? cluster : local[node];
  if (found.length > 0) return { kind: "served", by: found, source: sourceOf() };
  return { kind: policy === "Local" && cluster.length > 0 ? "dropped" : "rejected" };

  function sourceOf(): SeenSource {
    if (isNode(way.from)) return "node";
    if (isInternal) return fromOwnPod ? "kept" : "node";
    return external === "Cluster" ? "node" : "kept";
  }
}
