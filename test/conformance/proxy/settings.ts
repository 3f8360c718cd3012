import { cidr } from "../../../src/core/index.ts";
import type { IpFamily } from "../../../src/core/index.ts";
import { matrix } from "./matrix.ts";
import type { PacketCase, Setting } from "./packet-case.ts";
import { families, gatewayOf, podLinkPrefix } from "./places.ts";
import { caseOf, dropped, rejected, served, singleCases } from "./single-cases.ts";
import { protocols, virtualAddresses } from "./service-objects.ts";

const balanced = { type: "LoadBalancer" } as const;

/** Every setting of a proxy that changes what becomes of packets, with the cases that show it. */
export const settings: readonly Setting[] = [
  { name: "the usual settings", network: {}, cases: [...matrix(), ...singleCases()] },
  {
    name: "masquerade everything, by another bit",
    network: { masqueradeAll: true, masqueradeBit: 20 },
    cases: [
      caseOf({
        name: "masquerade-all",
        number: 200,
        service: { spec: { ...balanced, externalTrafficPolicy: "Local" } },
        endpoints: ["a1", "a2", "b1"],
        rows: [
          { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1", "a2", "b1"], "node") },
          { path: "outside to cluster IP", from: "client", to: "cluster", fate: served(["a1", "a2", "b1"], "node") },
          // It is about cluster IPs: policy Local keeps its promise.
          {
            path: "outside to node port",
            from: "client",
            to: "nodePort",
            node: "node-2",
            fate: served(["b1"], "kept"),
          },
        ],
      }),
    ],
  },
  {
    name: "nothing known of local traffic",
    network: { localTraffic: { kind: "unknown" } },
    cases: [
      caseOf({
        name: "no-detector",
        number: 210,
        service: { spec: { ...balanced, externalTrafficPolicy: "Local" } },
        endpoints: ["a1", "a2"],
        rows: [
          { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["a1", "a2"], "kept") },
          { path: "outside to cluster IP", from: "client", to: "cluster", fate: served(["a1", "a2"], "kept") },
          { path: "node to load balancer", from: "node-2", to: "loadBalancer", fate: served(["a1", "a2"], "node") },
          // Nobody knows that b1 is a pod of node-2: it is told what everybody is told.
          { path: "pod to load balancer", from: "b1", to: "loadBalancer", fate: dropped },
        ],
      }),
    ],
  },
  {
    name: "local traffic by names of links",
    network: { localTraffic: { kind: "interface-prefix", prefix: podLinkPrefix } },
    cases: [detected("interface-prefix", 220)],
  },
  {
    name: "local traffic by a bridge",
    network: { localTraffic: { kind: "bridge", name: `${podLinkPrefix}a1` } },
    cases: [detected("bridge", 230)],
  },
  {
    name: "node ports on the LAN only",
    network: { nodePortAddresses: [cidr("192.168.100.0/24"), cidr("fd00:64::/64")], localhostNodePorts: false },
    cases: [onChosenAddresses("node-port-addresses", 240, families)],
  },
  {
    // A family without networks is not narrowed (upstream's NewNodePortAddresses).
    name: "node ports on the LAN only in IPv4",
    network: { nodePortAddresses: [cidr("192.168.100.0/24")], localhostNodePorts: false },
    cases: [onChosenAddresses("node-port-addresses-one-family", 250, ["IPv4"])],
  },
];

function detected(name: string, number: number): PacketCase {
  return caseOf({
    name,
    number,
    service: { spec: { ...balanced, externalTrafficPolicy: "Local" } },
    endpoints: ["b1"],
    rows: [
      { path: "pod to cluster IP", from: "a1", to: "cluster", fate: served(["b1"], "kept") },
      { path: "outside to cluster IP", from: "client", to: "cluster", fate: served(["b1"], "node") },
      { path: "node to cluster IP", from: "node-1", to: "cluster", fate: served(["b1"], "node") },
      { path: "pod to load balancer", from: "a1", to: "loadBalancer", fate: served(["b1"], "kept") },
      { path: "node to load balancer", from: "node-1", to: "loadBalancer", fate: served(["b1"], "node") },
      { path: "outside to load balancer", from: "client", to: "loadBalancer", fate: dropped },
    ],
  });
}

/** Node ports are served on the LAN; on the node's other addresses only in families that are not narrowed. */
function onChosenAddresses(name: string, number: number, narrowed: readonly IpFamily[]): PacketCase {
  const one = caseOf({
    name,
    number,
    service: { spec: balanced },
    endpoints: ["b1"],
    rows: [
      { path: "outside to node port", from: "client", to: "nodePort", node: "node-1", fate: served(["b1"], "node") },
      { path: "pod to node port", from: "a1", to: "nodePort", node: "node-1", fate: served(["b1"], "node") },
    ],
  });
  const otherAddress = families.flatMap((family) =>
    protocols
      // The suite's own SCTP takes what comes to a node.
      .filter((protocol) => protocol !== "SCTP")
      .map((protocol) => ({
        packetCase: one.name,
        path: "pod to node port" as const,
        from: "a1" as const,
        family,
        protocol,
        destination: gatewayOf("node-1", family),
        port: virtualAddresses(number, family).nodePort,
        decidedBy: "node-1" as const,
        fate: narrowed.includes(family) ? rejected : served(["b1"], "node"),
      })),
  );
  return { ...one, packets: [...one.packets, ...otherAddress] };
}
