import { execFileSync } from "node:child_process";
import { ipvsState } from "./ipvs-state.ts";
import { openIptables, openIpvsRules, openNft, openRelaySockets } from "../../../src/kernel/index.ts";
import { openRelay, secureRandom, systemClock } from "../../../src/net/index.ts";
import { iptablesEngine, ipvsEngine, nftablesEngine, userspaceEngine } from "../../../src/proxy/index.ts";
import type { ProxyEngine, ProxyMode } from "../../../src/proxy/index.ts";
import { tableName } from "../../../src/rules/nftables/index.ts";

import { iptablesState } from "./iptables-state.ts";
import { nftState } from "./nft-state.ts";

/** An engine that the suite tries with real packets. */
export interface EngineUnderTest {
  /** As tests are named: the mode, and its variant when there are several. */
  readonly name: string;
  readonly mode: ProxyMode;
  /** Opens it in the network namespace of a node (a path); called outside of it. `resetRemoved`: as the proxy's. */
  open(namespace: string, options?: { readonly resetRemoved?: boolean }): ProxyEngine;
  /** Everything that it has put into the kernel in a namespace (a path), but not what packets leave there; equal rules give equal text. */
  state(namespace: string): Promise<string>;
  /** Whether the rules carry traffic on when the agent's process is gone. */
  readonly carriesWithoutAgent: boolean;
  /** Schedulers beyond weights by chance that it carries out, of those that the suite tries. */
  readonly schedulers: readonly ("lc" | "mh")[];
  /** What others may do to its rules, run in a node's namespace; by a name. */
  readonly damages: readonly (readonly [string, () => void])[];
  /** The same, where connections that are open end with what is damaged. */
  readonly harsherDamages?: readonly (readonly [string, () => void])[];
}

export const nftables: EngineUnderTest = {
  name: "nftables",
  mode: "nftables",
  open: (namespace) => nftablesEngine({ rules: openNft({ namespace }) }),
  state: (namespace) => nftState(namespace, tableName),
  carriesWithoutAgent: true,
  schedulers: ["mh"],
  damages: [
    ["nft flush ruleset", () => nft("flush", "ruleset")],
    ["nft delete table ip sealane", () => nft("delete", "table", "ip", tableName)],
    ["nft flush chain ip sealane services", () => nft("flush", "chain", "ip", tableName, "services")],
    ["nft flush map ip sealane services", () => nft("flush", "map", "ip", tableName, "services")],
  ],
};

export const ipvs: EngineUnderTest = {
  name: "ipvs",
  mode: "ipvs",
  // Round robin would serve two clients that take turns by one endpoint each; this hashes the client's port.
  open: (namespace, options) =>
    ipvsEngine({ ipvs: openIpvsRules({ namespace }), clock: systemClock, scheduler: "mh", ...options }),
  state: ipvsState,
  carriesWithoutAgent: true,
  schedulers: ["lc", "mh"],
  damages: [
    ["iptables -t nat -F SEALANE-IPVS", () => void run("iptables-legacy", "-t", "nat", "-F", "SEALANE-IPVS")],
    ["ip link delete kube-ipvs0", () => void run("ip", "link", "delete", "kube-ipvs0")],
    ["ipset flush SEALANE-SERVICES", () => void run("ipset", "flush", "SEALANE-SERVICES")],
    ["ipset flush", () => void run("ipset", "flush")],
  ],
  harsherDamages: [
    ["ipvsadm -C", () => void run("ipvsadm", "-C")],
    ["ipvsadm -D of one virtual server", () => void run("ipvsadm", "-D", ...ipvsLine("-A").slice(1, 3))],
    ["ipvsadm -d of one destination", () => void run("ipvsadm", "-d", ...ipvsLine("-a").slice(1, 5))],
    [
      "ip route delete of one cluster IP",
      () => {
        const [, , server = ""] = ipvsLine("-A", "10.96.");
        run("ip", "route", "delete", "table", "local", "local", server.replace(/:\d+$/, ""), "dev", "kube-ipvs0");
      },
    ],
    [
      "ip link set kube-ipvs0 down",
      () => {
        for (const state of ["down", "up"]) run("ip", "link", "set", "kube-ipvs0", state);
      },
    ],
  ],
};

/** The words of a line of `ipvsadm -S -n` that begins with this one and with an address like this: somewhere in the middle of all. */
function ipvsLine(command: "-A" | "-a", address = ""): readonly string[] {
  const lines = run("ipvsadm", "-S", "-n")
    .split("\n")
    .filter((line) => line.startsWith(`${command} -t ${address}`));
  return (lines[lines.length >> 1] ?? "").split(" ");
}

export const userspace: EngineUnderTest = {
  name: "userspace",
  mode: "userspace",
  open: (namespace, { resetRemoved = false } = {}) =>
    userspaceEngine({
      ...(resetRemoved ? { drainMs: 0 } : {}),
      rules: openNft({ namespace }),
      relay: openRelay({ kernel: openRelaySockets({ namespace }), clock: systemClock }),
      clock: systemClock,
      random: secureRandom(),
    }),
  state: async (namespace) => {
    const state = await nftState(namespace, "sealane-userspace");
    // Its listeners have other ports in each process: such as the kernel gives them, from 32768 on.
    const lines = state
      .split("\n")
      .map((line) => line.replaceAll(/\b\d{5}\b/g, (port) => (port < "32768" ? port : "?")));
    return lines.sort().join("\n");
  },
  carriesWithoutAgent: false,
  schedulers: ["lc", "mh"],
  damages: [
    ["nft flush ruleset", () => nft("flush", "ruleset")],
    ["nft delete table ip sealane-userspace", () => nft("delete", "table", "ip", "sealane-userspace")],
    ["nft flush map", () => nft("flush", "map", "ip", "sealane-userspace", "services")],
  ],
};

/** The iptables engine with either program behind the name: the legacy tables, and those of nftables. */
export const [iptablesLegacy, iptablesNft] = [iptables("legacy"), iptables("nft")];

function iptables(variant: "legacy" | "nft"): EngineUnderTest {
  return {
    name: `iptables (${variant})`,
    mode: "iptables",
    open: (namespace) => iptablesEngine({ rules: openIptables({ namespace, variant }) }),
    state: (namespace) => iptablesState(namespace, variant),
    carriesWithoutAgent: true,
    schedulers: [],
    damages: [
      ["iptables -t nat -F and -X", () => flush("nat")],
      ["iptables -F and -X in every table", () => flush("filter", "nat", "mangle")],
    ],
  };

  function flush(...tables: readonly string[]): void {
    for (const table of tables) {
      for (const action of ["-F", "-X"]) execFileSync(`iptables-${variant}`, ["-w", "-t", table, action]);
    }
  }
}

function nft(...args: readonly string[]): void {
  run("nft", ...args);
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: "utf8" });
}
