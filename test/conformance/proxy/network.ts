import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr, cidrAddress } from "../../../src/core/index.ts";
import type { Cidr, Ip, IpFamily } from "../../../src/core/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  openPacketSocket,
  removeNamespace,
  writeSysctls,
} from "../../../src/kernel/index.ts";
import type { LinkStep, PacketSocket } from "../../../src/kernel/index.ts";
import { readIpPacket } from "./ip-packet.ts";
import type { IpPacket } from "./ip-packet.ts";
import { listenInPod } from "./pod-servers.ts";
import type { PodServers } from "./pod-servers.ts";
import { addressOf, families, gatewayOf, nodeOf, nodes, podCidrOf, podLinkPrefix, pods } from "./places.ts";
import type { NodeName, Place, PodName } from "./places.ts";

const etherTypes = [0x0800, 0x86dd];

/** The namespaces of the suite's network, with the pods' servers. No proxy is part of it. */
export class TestNetwork {
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-suite-"));
  readonly #made: string[] = [];
  readonly #servers = new Map<PodName, PodServers>();
  readonly #watches: PacketSocket[] = [];
  readonly #sightings = new Set<(packet: IpPacket) => void>();

  constructor() {
    try {
      this.#build();
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Path of the network namespace of a place. */
  path(place: Place | "router"): string {
    return join(this.#folder, place);
  }

  /** Calls `seen` with each packet that reaches the router, until the returned function is called. */
  atRouter(seen: (packet: IpPacket) => void): () => void {
    this.#sightings.add(seen);
    return () => void this.#sightings.delete(seen);
  }

  /** How many TCP connections an address of a pod has at present. */
  connections(pod: PodName, at: string): number {
    return this.#servers.get(pod)?.connections(at) ?? 0;
  }

  /**
   * Gives pod b1 so many more addresses, each of them an endpoint, and the client as many to call from. A pod's answer over
   * TCP says at which address it was reached.
   */
  addCrowd(size: number): void {
    const members = (family: IpFamily, place: "b1" | "client"): readonly Ip[] =>
      Array.from({ length: size }, (_, i) => crowdAddress(place, family, i));
    for (const place of ["b1", "client"] as const) {
      inNamespace(this.path(place), () =>
        applyLinkSteps(
          families.flatMap((family) =>
            members(family, place).map((address) => ({
              kind: "address" as const,
              address,
              prefix: family === "IPv4" ? 32 : 128,
              link: "eth0",
            })),
          ),
        ),
      );
    }
    for (const node of nodes) {
      const toPods = (family: IpFamily): LinkStep =>
        node === "node-2"
          ? { kind: "route", to: crowdRanges.b1[family], link: `${podLinkPrefix}b1` }
          : route(crowdRanges.b1[family], addressOf("node-2", family));
      const steps = families.flatMap((family) => [
        toPods(family),
        route(crowdRanges.client[family], addressOf("client", family)),
      ]);
      inNamespace(this.path(node), () => applyLinkSteps(steps));
    }
  }

  stop(): void {
    for (const servers of this.#servers.values()) servers.close();
    for (const watch of this.#watches) watch.close();
    for (const path of this.#made) removeNamespace(path);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #build(): void {
    const onLan = ["router", "client", ...nodes] as const;
    for (const name of ["lan", ...onLan, ...pods]) this.#namespace(name);
    inNamespace(join(this.#folder, "lan"), () => {
      applyLinkSteps([
        { kind: "bridge", name: "lan" },
        ...onLan.map((name) => veth(`to-${name}`, this.path(name), { master: "lan" })),
      ]);
    });
    this.#configure("router", lanAddresses("router"));
    this.#configure("client", [...lanAddresses("client"), ...defaultRoutes((family) => addressOf("node-1", family))]);
    for (const node of nodes) this.#node(node);
    for (const pod of pods) {
      const servers = inNamespace(this.path(pod), () => listenInPod(pod));
      this.#servers.set(pod, servers);
    }
    for (const etherType of etherTypes) {
      const received = (frame: Uint8Array): void => {
        const packet = readIpPacket(frame);
        if (packet !== undefined) for (const seen of this.#sightings) seen(packet);
      };
      const failed = (error: Error): never => {
        throw error;
      };
      this.#watches.push(
        inNamespace(this.path("router"), () => openPacketSocket({ link: "eth0", etherType, received, failed })),
      );
    }
  }

  #namespace(name: string): void {
    const path = join(this.#folder, name);
    createNamespace(path, () => {
      applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
      writeSysctls({
        "net/ipv6/conf/all/disable_ipv6": 0,
        "net/ipv6/conf/default/accept_dad": 0,
        "net/ipv6/conf/default/accept_ra": 0,
        "net/ipv4/conf/all/rp_filter": 0,
        "net/ipv4/conf/default/rp_filter": 0,
        // Errors are part of what is tested: they must not run out.
        "net/ipv4/icmp_ratelimit": 0,
        "net/ipv4/icmp_msgs_per_sec": 1_000_000,
        "net/ipv4/icmp_msgs_burst": 1_000_000,
        "net/ipv6/icmp/ratelimit": 0,
      });
    });
    this.#made.push(path);
  }

  #node(node: NodeName): void {
    const own = pods.filter((pod) => nodeOf(pod) === node);
    const other: NodeName = node === "node-1" ? "node-2" : "node-1";
    inNamespace(this.path(node), () =>
      writeSysctls({
        "net/ipv4/ip_forward": 1,
        "net/ipv6/conf/all/forwarding": 1,
        "net/ipv4/conf/all/route_localnet": 1,
        "net/ipv4/conf/all/send_redirects": 0,
        "net/ipv4/conf/eth0/send_redirects": 0,
      }),
    );
    const steps: LinkStep[] = [
      ...lanAddresses(node),
      ...families.map((family) => route(podCidrOf(other, family), addressOf(other, family))),
      ...defaultRoutes((family) => addressOf("router", family)),
    ];
    for (const pod of own) {
      const link = `${podLinkPrefix}${pod}`;
      steps.push(veth(link, this.path(pod)));
      for (const family of families) {
        steps.push(
          { kind: "address", address: gatewayOf(node, family), prefix: family === "IPv4" ? 32 : 128, link },
          { kind: "route", to: hostRange(addressOf(pod, family)), link },
        );
      }
    }
    this.#configure(node, steps);
    for (const pod of own) this.#pod(pod, node);
  }

  #pod(pod: PodName, node: NodeName): void {
    this.#configure(pod, [
      ...families.flatMap((family): readonly LinkStep[] => [
        { kind: "address", address: addressOf(pod, family), prefix: family === "IPv4" ? 32 : 128, link: "eth0" },
        { kind: "route", to: hostRange(gatewayOf(node, family)), link: "eth0" },
      ]),
      ...defaultRoutes((family) => gatewayOf(node, family)),
    ]);
  }

  #configure(place: Place | "router", steps: readonly LinkStep[]): void {
    inNamespace(this.path(place), () => applyLinkSteps([{ kind: "link", name: "eth0", state: "up" }, ...steps]));
  }
}

const crowdRanges = {
  b1: { IPv4: cidr("10.250.0.0/16"), IPv6: cidr("fd00:250::/112") },
  client: { IPv4: cidr("192.168.200.0/22"), IPv6: cidr("fd00:200::/112") },
} as const;

/** The address of a member of the crowd: of an endpoint on b1, or of a client. */
export function crowdAddress(place: "b1" | "client", family: IpFamily, index: number): Ip {
  return cidrAddress(crowdRanges[place][family], index + 1);
}

function veth(name: string, namespace: string, more: { readonly master?: string } = {}): LinkStep {
  return { kind: "veth", name, ...more, peer: { name: "eth0", namespace } };
}

function lanAddresses(place: Place | "router"): readonly LinkStep[] {
  return families.map((family) => ({
    kind: "address",
    address: addressOf(place, family),
    prefix: family === "IPv4" ? 24 : 64,
    link: "eth0",
  }));
}

function route(to: Cidr, via: Ip): LinkStep {
  return { kind: "route", to, via, link: "eth0" };
}

function defaultRoutes(via: (family: "IPv4" | "IPv6") => Ip): readonly LinkStep[] {
  return families.map((family) => route(cidr(family === "IPv4" ? "0.0.0.0/0" : "::/0"), via(family)));
}

function hostRange(address: Ip): Cidr {
  return cidr(`${address}/${address.includes(":") ? 128 : 32}`);
}
