import { ManualClock, ip, seededRandom } from "../../../src/core/index.ts";
import { MemoryCache, createClusterDns } from "../../../src/dns/index.ts";
import type { ClusterDns, ClusterDnsOptions, UpstreamDialer } from "../../../src/dns/index.ts";
import type { EndpointSlice, Pod, Service } from "../../../src/objects/index.ts";
import { decodeMessage, dnsName, encodeMessage, formatName, recordTypes } from "../../../src/codec/index.ts";
import { namespace, service, slice } from "../cluster.ts";

const http = { name: "http", protocol: "TCP", port: 80 } as const;
const clusterIp = (name: string, ...clusterIPs: readonly [string, ...string[]]) =>
  service("testns", name, { clusterIP: clusterIPs[0], clusterIPs, ports: [http] });

/** The objects that the tests of CoreDNS's kubernetes plugin ask about. */
export const services: readonly Service[] = [
  service("kube-system", "kubedns", {
    clusterIP: "10.0.0.10",
    clusterIPs: ["10.0.0.10"],
    ports: [{ name: "dns", protocol: "UDP", port: 53 }],
  }),
  clusterIp("svc1", "10.0.0.1"),
  clusterIp("svcempty", "10.0.0.1"),
  clusterIp("svc6", "1234:abcd::1"),
  clusterIp("svc-dual-stack", "10.0.0.3", "10::3"),
  service("testns", "hdls1", { clusterIP: "None" }),
  service("testns", "hdlsprtls", { clusterIP: "None" }),
  service("testns", "external", { type: "ExternalName", externalName: "ext.interwebs.test", ports: [http] }),
  service("testns", "external-to-service", {
    type: "ExternalName",
    externalName: "svc1.testns.svc.cluster.local.",
    ports: [http],
  }),
  service("unexposedns", "svc1", { clusterIP: "10.0.0.2", clusterIPs: ["10.0.0.2"], ports: [http] }),
];

export const slices: readonly EndpointSlice[] = [
  slice("kube-system", "kubedns", "kubedns-1", [["172.0.0.100"]], [{ name: "dns", protocol: "UDP", port: 53 }]),
  slice("testns", "svc1", "svc1-slice1", [["172.0.0.1", "ep1a"]]),
  slice("testns", "svcempty", "svcempty-slice1", []),
  slice("testns", "hdls1", "hdls1-slice1", [
    ["172.0.0.2"],
    ["172.0.0.3"],
    ["172.0.0.4", "dup-name"],
    ["172.0.0.5", "dup-name"],
  ]),
  slice("testns", "hdls1", "hdls1-slice2", [["5678:abcd::1"], ["5678:abcd::2"]]),
  slice("testns", "hdlsprtls", "hdlsprtls-slice1", [["172.0.0.20"]], []),
];

export const namespaces = ["kube-system", "testns", "unexposedns", "podns", "svcns"].map(namespace);

const pods: readonly Pod[] = [
  {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "podns", name: "foo" },
    spec: { containers: [] },
    status: { phase: "Running", podIP: "10.240.0.1", podIPs: [{ ip: "10.240.0.1" }] },
  },
];

/** Cluster DNS over these objects, without servers to ask. */
export function world(options: Partial<ClusterDnsOptions> = {}, extra: readonly Service[] = []): ClusterDns {
  return createClusterDns({
    caches: {
      services: new MemoryCache([...services, ...extra]),
      endpointSlices: new MemoryCache(slices),
      namespaces: new MemoryCache(namespaces),
      pods: new MemoryCache(pods),
    },
    upstreams: [],
    dial: { send: () => () => undefined },
    clock: new ManualClock(1_499_347_823_000),
    random: seededRandom(1),
    nameservers: [ip("10.0.0.10")],
    ...options,
  });
}

/**
 * A server outside that knows these A records (name to addresses) and denies everything else. `truncated` answers have
 * the TC bit over UDP and TCP alike.
 */
export function outside(hosts: Readonly<Record<string, readonly string[]>>, truncated = false): UpstreamDialer {
  return {
    send: (_upstream, _transport, bytes, handlers) => {
      const query = decodeMessage(bytes);
      if (query.kind === "malformed") throw new Error(query.reason);
      const [question] = query.questions;
      const name = question === undefined ? "" : formatName(question.name).toLowerCase();
      const found = hosts[name];
      const answers =
        question?.type === recordTypes.A
          ? (found ?? []).map((address) => ({
              name: dnsName(name),
              type: recordTypes.A,
              class: 1,
              ttl: 5,
              rdata: Uint8Array.from(address.split("."), Number),
            }))
          : [];
      const { edns: _, ...rest } = query;
      const reply = { ...rest, response: true, truncated, rcode: found === undefined ? 3 : 0, answers };
      queueMicrotask(() => handlers.message(encodeMessage(reply)));
      return () => undefined;
    },
  };
}
