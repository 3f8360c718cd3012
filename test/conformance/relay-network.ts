import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cidr, ip } from "../../src/core/index.ts";
import type { IpFamily } from "../../src/core/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  openNft,
  openRelaySockets,
  removeNamespace,
  writeSysctls,
} from "../../src/kernel/index.ts";
import type { Nft } from "../../src/kernel/index.ts";
import { nodeNetwork } from "../../src/model/index.ts";
import type { Endpoint, NodeNetwork, ServicePlan } from "../../src/model/index.ts";
import { openRelay, systemClock } from "../../src/net/index.ts";
import { userspaceEngine } from "../../src/proxy/index.ts";
import type { UserspaceEngine, UserspaceEngineOptions } from "../../src/proxy/index.ts";
import { endpointAt } from "../support/service-plans.ts";

/** Where a client or a server is. The client is outside, two pods are on the node, the third is outside of its pod range. */
export type Place = "client" | "node" | "p1" | "p2" | "p3";

const pods = ["p1", "p2", "p3"] as const;
const numbers: Readonly<Record<Place, number>> = { node: 1, p1: 2, p2: 3, p3: 4, client: 5 };

/** Address of a place: pods in 10.244.N.2 and fd00:244:N::2, the others in 192.168.100.0/24 and fd00:100::/64. */
export function addressOf(place: Place, family: IpFamily = "IPv4"): string {
  const number = numbers[place];
  if (place === "node" || place === "client") {
    return family === "IPv4" ? `192.168.100.${10 + number}` : `fd00:100::${10 + number}`;
  }
  return family === "IPv4" ? `10.244.${number}.2` : `fd00:244:${number}::2`;
}

/** The endpoint that listens on port 8080 of a pod. */
export function endpointOf(
  pod: (typeof pods)[number],
  family: IpFamily = "IPv4",
  more: Partial<Endpoint> = {},
): Endpoint {
  return { ...endpointAt(addressOf(pod, family), pod === "p3" ? "elsewhere" : "node"), ...more };
}

/** One node with the userspace engine, an outside client and three pods, each in its own namespace, with both families. */
export class RelayNetwork {
  readonly #folder = mkdtempSync(join(tmpdir(), "sealane-relay-"));
  readonly #made: string[] = [];
  readonly #closers: (() => void)[] = [];
  readonly #services = new Set<string>();
  engine: UserspaceEngine;
  nft: Nft;

  constructor(more: Partial<UserspaceEngineOptions> = {}, network: Partial<NodeNetwork> = {}) {
    try {
      this.#build();
      this.nft = openNft({ namespace: this.path("node") });
      this.engine = this.createEngine(more, network);
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** Another engine of the same node, as after a restart. */
  createEngine(more: Partial<UserspaceEngineOptions> = {}, network: Partial<NodeNetwork> = {}): UserspaceEngine {
    const kernel = openRelaySockets({ namespace: this.path("node") });
    const engine = userspaceEngine({
      rules: this.nft,
      relay: openRelay({ kernel, clock: systemClock }),
      clock: systemClock,
      random: Math.random,
      ...more,
    });
    engine.setNetwork(
      nodeNetwork({
        serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")],
        localTraffic: { kind: "pod-cidrs", cidrs: [cidr("10.244.2.0/23"), cidr("fd00:244:2::/47")] },
        localhostNodePorts: true,
        ...network,
      }),
    );
    this.#closers.push(() => {
      engine.close();
      kernel.close();
    });
    return engine;
  }

  path(place: string): string {
    return join(this.#folder, place);
  }

  /** Gives the engine these plans of their Services, and writes them. */
  async serve(...plans: readonly ServicePlan[]): Promise<void> {
    const services = [...new Set(plans.map(({ service }) => service))];
    for (const service of services) {
      this.engine.want(
        service,
        plans.filter((plan) => plan.service === service),
      );
    }
    await this.#write(services);
  }

  async remove(service: string): Promise<void> {
    this.engine.want(service, []);
    await this.#write([service]);
  }

  async #write(services: readonly string[]): Promise<void> {
    for (const service of services) this.#services.add(service);
    const result = await this.engine.writeChanges(services, { mayMismatch: false });
    if (result.kind !== "written" || result.refused.length > 0) throw new Error(JSON.stringify(result));
  }

  /** Listens on TCP port 8080 of a place, in both families, unless told otherwise. */
  listen(place: Place, serve: (socket: Socket) => void, port = 8080): Server {
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("error", () => undefined);
      serve(socket);
    });
    inNamespace(this.path(place), () => server.listen({ port, backlog: 2000 }));
    this.#closers.push(() => server.close());
    return server;
  }

  /** From now on a pod does not even refuse what comes to this TCP port. */
  dropPort(place: Place, port: number): void {
    inNamespace(this.path(place), () => {
      execFileSync("nft", ["add table ip silent; add chain ip silent input { type filter hook input priority 0; }"]);
      execFileSync("nft", [`add rule ip silent input tcp dport ${port} drop`]);
    });
  }

  /** A TCP connection from a place; made in its namespace. */
  connect(from: Place, address: string, port: number, allowHalfOpen = false): Socket {
    const family = address.includes(":") ? 6 : 4;
    const socket = inNamespace(this.path(from), () =>
      connect({
        host: "there",
        port,
        family,
        allowHalfOpen,
        autoSelectFamily: false,
        lookup: (_host, _options, found) => found(null, address, family),
      }),
    );
    this.#closers.push(() => socket.destroy());
    return socket;
  }

  /** Connects and reads until the end: the text, or the code of the error, or "silence". */
  ask(from: Place, address: string, port: number, timeoutMs = 4000): Promise<string> {
    const socket = this.connect(from, address, port);
    return new Promise((resolve) => {
      let text = "";
      const timer = setTimeout(() => end("silence"), timeoutMs);
      const end = (answer: string): void => {
        clearTimeout(timer);
        socket.destroy();
        resolve(answer);
      };
      socket.setEncoding("utf8").on("data", (part: string) => (text += part));
      socket.on("end", () => end(text));
      socket.on("error", (error) => end("code" in error ? String(error.code) : error.message));
    });
  }

  /** A UDP socket in a place: bound to a port, or a free one. */
  udp(place: Place, family: IpFamily = "IPv4", port = 0): UdpSocket {
    const any = family === "IPv4" ? "0.0.0.0" : "::";
    const number = family === "IPv4" ? 4 : 6;
    const socket = inNamespace(this.path(place), () => {
      const made = createSocket({
        type: family === "IPv4" ? "udp4" : "udp6",
        ipv6Only: family === "IPv6",
        lookup: (host, _options, found) => found(null, host === "" ? any : host, number),
      });
      return made.bind(port, any);
    });
    socket.on("error", () => undefined);
    this.#closers.push(() => {
      try {
        socket.close();
      } catch {
        // The test has closed it.
      }
    });
    return socket;
  }

  /** Removes what the engine has in the kernel, and everything else. */
  async stop(): Promise<void> {
    try {
      await this.engine.remove();
    } finally {
      this.#leave();
      this.nft.close();
    }
  }

  #leave(): void {
    for (const close of this.#closers.reverse()) close();
    for (const path of this.#made) removeNamespace(path);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #build(): void {
    for (const place of ["node", "client", ...pods]) this.#namespace(place);
    for (const place of ["client", ...pods] as const) this.#attach(place);
  }

  #namespace(name: string): void {
    const path = this.path(name);
    createNamespace(path, () => {
      applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
      writeSysctls({
        "net/ipv4/ip_forward": 1,
        "net/ipv6/conf/all/forwarding": 1,
        "net/ipv4/conf/all/rp_filter": 0,
        "net/ipv4/conf/default/rp_filter": 0,
      });
    });
    this.#made.push(path);
  }

  /** The link of a pod has no address of its own on the node's side: many network plugins do it so. */
  #attach(place: "client" | (typeof pods)[number]): void {
    const isPod = place !== "client";
    inNamespace(this.path("node"), () => {
      applyLinkSteps([
        { kind: "veth", name: place, peer: { name: "eth0", namespace: this.path(place) } },
        ...(["IPv4", "IPv6"] as const).flatMap((family) => [
          ...(isPod
            ? []
            : [
                { kind: "address" as const, address: ip(addressOf("node", family)), prefix: bits(family), link: place },
              ]),
          { kind: "route" as const, to: cidr(`${addressOf(place, family)}/${bits(family)}`), link: place },
        ]),
        ...(isPod
          ? []
          : [
              { kind: "route" as const, to: cidr("0.0.0.0/0"), via: ip(addressOf("client")), link: place },
              { kind: "route" as const, to: cidr("::/0"), via: ip(addressOf("client", "IPv6")), link: place },
            ]),
      ]);
      writeSysctls({ [`net/ipv4/conf/${place}/proxy_arp`]: 1, [`net/ipv6/conf/${place}/proxy_ndp`]: 1 });
    });
    const gateway = { IPv4: "169.254.1.1", IPv6: "fe80::1" } as const;
    inNamespace(this.path("node"), () =>
      applyLinkSteps([
        { kind: "address", address: ip(gateway.IPv6), prefix: 128, link: place },
        { kind: "address", address: ip(gateway.IPv4), prefix: 32, link: place, scope: "host" },
      ]),
    );
    inNamespace(this.path(place), () =>
      applyLinkSteps([
        { kind: "link", name: "eth0", state: "up" },
        { kind: "address", address: ip(addressOf(place)), prefix: 32, link: "eth0" },
        { kind: "address", address: ip(addressOf(place, "IPv6")), prefix: 128, link: "eth0" },
        { kind: "route", to: cidr(`${gateway.IPv4}/32`), link: "eth0" },
        { kind: "route", to: cidr("0.0.0.0/0"), via: ip(gateway.IPv4), link: "eth0" },
        { kind: "route", to: cidr("::/0"), via: ip(gateway.IPv6), link: "eth0" },
      ]),
    );
  }
}

function bits(family: IpFamily): 32 | 128 {
  return family === "IPv4" ? 32 : 128;
}
