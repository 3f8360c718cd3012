import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cidr, ip } from "../../../src/core/index.ts";
import type { IpFamily } from "../../../src/core/index.ts";
import {
  applyLinkSteps,
  createNamespace,
  inNamespace,
  removeNamespace,
  runProgram,
  writeSysctls,
} from "../../../src/kernel/index.ts";
import type { LinkStep } from "../../../src/kernel/index.ts";
import { nodeNetwork } from "../../../src/model/index.ts";
import type { ProxyEngine } from "../../../src/proxy/index.ts";
import { until } from "../../lab/own-namespaces.ts";
import { endpointAt, planWith } from "../../support/service-plans.ts";
import { iptablesLegacy, ipvs } from "./engines.ts";

// The rest of the suite speaks just enough SCTP by raw packets to be anywhere; here the kernel speaks it, with heartbeats, acknowledgements and an end.
const folder = mkdtempSync(join(tmpdir(), "sealane-sctp-"));
const path = (name: string) => join(folder, name);
const pods = [
  { name: "server-1", addresses: ["10.244.1.2", "fd00:244::2"] },
  { name: "server-2", addresses: ["10.244.1.3", "fd00:244::3"] },
  { name: "client", addresses: ["10.244.1.9", "fd00:244::9"] },
] as const;
const gateways = ["10.244.1.1", "fd00:244::1"] as const;
const servers: ChildProcess[] = [];

function bits(address: string): number {
  return address.includes(":") ? 128 : 32;
}

function attach({ name, addresses }: (typeof pods)[number]): void {
  createNamespace(path(name), () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
  const link = `to-${name}`;
  inNamespace(path("node"), () =>
    applyLinkSteps([
      { kind: "veth", name: link, peer: { name: "eth0", namespace: path(name) } },
      ...gateways.map((address): LinkStep => ({ kind: "address", address: ip(address), prefix: bits(address), link })),
      ...addresses.map((address): LinkStep => ({ kind: "route", to: cidr(`${address}/${bits(address)}`), link })),
    ]),
  );
  inNamespace(path(name), () =>
    applyLinkSteps([
      { kind: "link", name: "eth0", state: "up" },
      ...addresses.map((address): LinkStep => ({
        kind: "address",
        address: ip(address),
        prefix: bits(address),
        link: "eth0",
      })),
      ...gateways.flatMap((address): LinkStep[] => [
        { kind: "route", to: cidr(`${address}/${bits(address)}`), link: "eth0" },
        { kind: "route", to: cidr(address.includes(":") ? "::/0" : "0.0.0.0/0"), via: ip(address), link: "eth0" },
      ]),
    ]),
  );
}

beforeAll(async () => {
  createNamespace(path("node"), () => {
    applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
    writeSysctls({ "net/ipv4/ip_forward": 1, "net/ipv6/conf/all/forwarding": 1 });
  });
  for (const pod of pods) attach(pod);
  for (const { name, addresses } of pods.slice(0, 2)) {
    for (const address of addresses) {
      const args = ["--sctp", "--listen", "--keep-open", "--sh-exec", `echo ${name}`, address, "8080"];
      servers.push(inNamespace(path(name), () => spawn("ncat", args, { stdio: "ignore" })));
      const direct = () => ask(address, 8080).then((text) => text === name || undefined);
      await until(`${name} listens on ${address}`, direct, 20_000);
    }
  }
});

afterAll(() => {
  for (const server of servers) server.kill();
  for (const name of ["node", ...pods.map((pod) => pod.name)]) removeNamespace(path(name));
  rmSync(folder, { recursive: true });
});

/** What a server says over an association of the client, which then ends. */
async function ask(address: string, port: number): Promise<string> {
  const argv = ["ncat", "--sctp", "--recv-only", "--wait", "5", address, String(port)] as const;
  return (await runProgram([...argv], { namespace: path("client") })).trim();
}

describe.each([ipvs, iptablesLegacy].map((engine) => [engine.name, engine] as const))("%s", (_, engine) => {
  let opened: ProxyEngine;
  beforeAll(() => {
    opened = engine.open(path("node"));
    opened.setNetwork(nodeNetwork({ serviceCidrs: [cidr("10.96.0.0/16"), cidr("fd00:96::/108")] }));
  });
  afterAll(async () => {
    await opened.remove();
    opened.close();
  });

  it.each<[IpFamily, string, 0 | 1]>([
    ["IPv4", "10.96.0.5", 0],
    ["IPv6", "fd00:96::5", 1],
  ])(
    "carries associations of the kernel's SCTP over %s to every endpoint, and refuses without one",
    async (family, clusterIP, at) => {
      const endpoints = pods.slice(0, 2).map(({ addresses }) => endpointAt(addresses[at], "node-1"));
      const plan = { service: "tour/sctp", protocol: "SCTP", family, clusterIP } as const;
      opened.want("tour/sctp", [planWith({ ...plan, cluster: endpoints, onNode: endpoints })]);
      await opened.writeAll(["tour/sctp"]);
      const seen = new Set<string>();
      for (let tries = 0; tries < 40 && seen.size < 2; tries++) seen.add(await ask(clusterIP, 80));
      expect([...seen].sort()).toEqual(["server-1", "server-2"]);
      opened.want("tour/sctp", [planWith({ ...plan })]);
      await opened.writeChanges(["tour/sctp"], { mayMismatch: true });
      await expect(ask(clusterIP, 80)).rejects.toThrow(/refused|timed out|TIMEOUT/i);
    },
  );
});
