import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr, ip } from "../../src/core/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  openConntrack,
  openNft,
  removeNamespace,
  writeSysctls,
} from "../../src/kernel/index.ts";
import type { LinkStep, Nft } from "../../src/kernel/index.ts";
import { systemClock } from "../../src/net/index.ts";
import { endpointSliceIndexers } from "../../src/objects/index.ts";
import type { EndpointSlice, EventRecorder, Node, Service } from "../../src/objects/index.ts";
import { createProxy, nftablesEngine } from "../../src/proxy/index.ts";
import type { Proxy } from "../../src/proxy/index.ts";
import { FakeCache } from "../support/fake-cache.ts";

/** Who answered and whom it saw; or that the connection was refused at once; or that nothing came. */
export type Answer = { readonly pod: string; readonly client: string } | "refused" | "silence";

/** Where a request starts. */
export type Place = "client" | "node-1" | "node-2" | "a1" | "a2" | "b1";

const pods = [
  { name: "a1", node: 1, address: "10.244.1.2" },
  { name: "a2", node: 1, address: "10.244.1.3" },
  { name: "b1", node: 2, address: "10.244.2.2" },
] as const;

/** Address of each pod and node. */
export const addresses: Readonly<Record<Place, string>> = {
  client: "192.168.100.10",
  "node-1": "192.168.100.11",
  "node-2": "192.168.100.12",
  a1: "10.244.1.2",
  a2: "10.244.1.3",
  b1: "10.244.2.2",
};

/**
 * Two nodes with a proxy each, three pods that listen on TCP 8080 and UDP 5353, and a client on the LAN whose way to
 * everything is node-1.
 */
export class ProxyNetwork {
  readonly services = new FakeCache<Service>();
  readonly slices = new FakeCache<EndpointSlice>([], endpointSliceIndexers);
  readonly nodes = new FakeCache<Node>();
  readonly events: { readonly object: string; readonly reason: string }[] = [];
  readonly proxies: Proxy[] = [];
  readonly nfts: Nft[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-proxy-"));
  readonly #made: string[] = [];
  readonly #servers: Server[] = [];
  readonly #sockets: UdpSocket[] = [];

  /** Path of the network namespace of a place. */
  path(place: string): string {
    return join(this.#folder, place);
  }

  async start(): Promise<void> {
    for (const name of ["lan", "client", "node-1", "node-2", ...pods.map((pod) => pod.name)]) this.#namespace(name);
    inNamespace(this.path("lan"), () => {
      applyLinkSteps([
        { kind: "bridge", name: "lan" },
        ...["client", "node-1", "node-2"].map((name) => this.#port(name)),
      ]);
    });
    this.#configure("client", [
      lanAddress(10),
      route("0.0.0.0/0", "192.168.100.11"),
      route("192.168.100.200/32", "192.168.100.11"),
    ]);
    for (const number of [1, 2]) this.#node(number);
    for (const { name } of pods) this.#listen(name);
    const recorder: EventRecorder = {
      record: (object, _type, reason) => this.events.push({ object: object.metadata.name, reason }),
    };
    for (const number of [1, 2]) {
      const nodeName = `node-${number}`;
      this.nodes.set(nodeObject(nodeName, number));
      const namespace = this.path(nodeName);
      const nft = openNft({ namespace });
      this.nfts.push(nft);
      const proxy = createProxy({
        nodeName,
        caches: { services: this.services, endpointSlices: this.slices, nodes: this.nodes },
        engine: nftablesEngine({ rules: nft }),
        flows: openConntrack({ namespace }),
        recorder,
        clock: systemClock,
        network: { serviceCidrs: [cidr("10.96.0.0/16")], localhostNodePorts: true },
        watchKernelMs: 20,
      });
      this.proxies.push(proxy);
    }
    await Promise.all(this.proxies.map((proxy) => proxy.whenSynced()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.stop()));
    for (const nft of this.nfts) nft.close();
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.close();
    for (const path of this.#made) removeNamespace(path);
    rmSync(this.#folder, { recursive: true });
  }

  /** Waits until every change is in the kernel of both nodes. */
  async settled(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.whenIdle()));
  }

  /** Connects over TCP and reads who answers. */
  tcp(from: Place, address: string, port: number, timeoutMs = 1500): Promise<Answer> {
    return new Promise((resolve) => {
      const socket = inNamespace(this.path(from), () =>
        connect({
          host: "here",
          port,
          family: 4,
          autoSelectFamily: false,
          lookup: (_host, _options, found) => found(null, address, 4),
        }),
      );
      let text = "";
      const end = (answer: Answer): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer);
      };
      const timer = setTimeout(() => end("silence"), timeoutMs);
      socket.setEncoding("utf8").on("data", (part: string) => (text += part));
      socket.on("end", () => end(JSON.parse(text) as Answer));
      socket.on("error", (error) => end("code" in error && error.code === "ECONNREFUSED" ? "refused" : "silence"));
    });
  }

  /** Makes a UDP client with one socket; `ask` sends one datagram and reads who answers. */
  udpClient(from: Place): { ask(address: string, port: number, timeoutMs?: number): Promise<Answer> } {
    const socket = inNamespace(this.path(from), () => boundUdp(0));
    this.#sockets.push(socket);
    socket.on("error", () => undefined);
    return {
      ask: (address, port, timeoutMs = 1000) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => resolve("silence"), timeoutMs);
          socket.once("message", (message) => {
            clearTimeout(timer);
            resolve(JSON.parse(message.toString()) as Answer);
          });
          socket.send("who", port, address);
        }),
    };
  }

  #namespace(name: string): void {
    const path = this.path(name);
    createNamespace(path, () => {
      applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
      writeSysctls({
        "net/ipv4/ip_forward": 1,
        "net/ipv4/conf/all/rp_filter": 0,
        "net/ipv4/conf/default/rp_filter": 0,
      });
    });
    this.#made.push(path);
  }

  #port(name: string): LinkStep {
    return { kind: "veth", name: `to-${name}`, master: "lan", peer: { name: "eth0", namespace: this.path(name) } };
  }

  #node(number: number): void {
    const name = `node-${number}`;
    const other = 3 - number;
    const steps: LinkStep[] = [
      lanAddress(10 + number),
      route(`10.244.${other}.0/24`, `192.168.100.${10 + other}`),
      route("0.0.0.0/0", "192.168.100.10"),
    ];
    for (const pod of pods.filter(({ node }) => node === number)) {
      steps.push(
        { kind: "veth", name: pod.name, peer: { name: "eth0", namespace: this.path(pod.name) } },
        { kind: "address", address: ip(`10.244.${number}.1`), prefix: 32, link: pod.name },
        { kind: "route", to: cidr(`${pod.address}/32`), link: pod.name },
      );
    }
    this.#configure(name, steps);
    inNamespace(this.path(name), () => writeSysctls({ "net/ipv4/conf/all/route_localnet": 1 }));
    for (const pod of pods.filter(({ node }) => node === number)) {
      this.#configure(pod.name, [
        { kind: "address", address: ip(pod.address), prefix: 32, link: "eth0" },
        { kind: "route", to: cidr(`10.244.${number}.1/32`), link: "eth0" },
        route("0.0.0.0/0", `10.244.${number}.1`),
      ]);
    }
  }

  #configure(place: string, steps: readonly LinkStep[]): void {
    inNamespace(this.path(place), () => applyLinkSteps([{ kind: "link", name: "eth0", state: "up" }, ...steps]));
  }

  #listen(pod: string): void {
    inNamespace(this.path(pod), () => {
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.end(JSON.stringify({ pod, client: socket.remoteAddress?.replace("::ffff:", "") }));
      });
      server.listen(8080);
      this.#servers.push(server);
      const socket = boundUdp(5353);
      socket.on("message", (_message, { address, port }) => {
        socket.send(JSON.stringify({ pod, client: address }), port, address);
      });
      this.#sockets.push(socket);
    });
  }
}

/** Binds on the spot, while the thread is in the namespace: with a lookup that does not wait. */
function boundUdp(port: number): UdpSocket {
  const socket = createSocket({
    type: "udp4",
    lookup: (host, _options, found) => found(null, host === "0.0.0.0" || host === "" ? "0.0.0.0" : host, 4),
  });
  return socket.bind(port, "0.0.0.0");
}

function lanAddress(last: number): LinkStep {
  return { kind: "address", address: ip(`192.168.100.${last}`), prefix: 24, link: "eth0" };
}

function route(to: string, via: string): LinkStep {
  return { kind: "route", to: cidr(to), via: ip(via), link: "eth0" };
}

function nodeObject(name: string, number: number): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "topology.kubernetes.io/zone": number === 1 ? "a" : "b" } },
    spec: { podCIDR: `10.244.${number}.0/24`, podCIDRs: [`10.244.${number}.0/24`] },
    status: { addresses: [{ type: "InternalIP", address: `192.168.100.${10 + number}` }] },
  };
}
