import { schedulers } from "../../../src/model/index.ts";
import type { ServicePlan } from "../../../src/model/index.ts";
import { shortcomings as iptablesShortcomings } from "../../../src/rules/iptables/index.ts";
import { shortcomings as ipvsShortcomings } from "../../../src/rules/ipvs/index.ts";
import { shortcomings as nftablesShortcomings } from "../../../src/rules/nftables/index.ts";
import { shortcomings as userspaceShortcomings } from "../../../src/rules/userspace/index.ts";
import type { ProxyMode } from "../../../src/proxy/index.ts";
import { endpointAt, planWith } from "../../support/service-plans.ts";
import { deviations } from "./deviations.ts";
import { matrix } from "./matrix.ts";
import type { Fate, Packet, PacketCase, Path } from "./packet-case.ts";
import { peculiarities } from "./peculiarities.ts";
import type { Peculiarity } from "./peculiarities.ts";
import { settings } from "./settings.ts";

/** The modes that have an engine, in the order of their columns. */
export const modes: readonly ProxyMode[] = ["nftables", "iptables", "ipvs", "userspace"];

/** The generated parts of docs/proxy-modes.md, by the name in their markers. */
export function generatedTables(): ReadonlyMap<string, string> {
  return new Map([
    ["paths", pathsTable()],
    ["differences", differencesTable()],
    ["schedulers", schedulersTable()],
  ]);
}

/** The page with its generated parts as they should be. Throws when a marker is missing. */
export function withGeneratedTables(page: string): string {
  let text = page;
  for (const [name, table] of generatedTables()) {
    const start = `<!-- generated: ${name} -->\n`;
    const end = `<!-- end of ${name} -->`;
    const from = text.indexOf(start);
    const to = text.indexOf(end);
    if (from < 0 || to < from) throw new Error(`docs/proxy-modes.md has no place for the table "${name}"`);
    text = `${text.slice(0, from)}${start}\n${table}\n${text.slice(to)}`;
  }
  return text;
}

const shownPaths: readonly Path[] = [
  "pod to cluster IP",
  "node to cluster IP",
  "outside to cluster IP",
  "outside to node port",
  "pod to node port",
  "node to node port",
  "localhost to node port",
  "outside to load balancer",
  "pod to load balancer",
  "node to load balancer",
  "outside to external IP",
  "pod to external IP",
];

const states: readonly (readonly [string, string])[] = [
  ["policy Cluster", "internal-cluster-external-cluster-everywhere"],
  ["policy Local, endpoints on the node", "internal-local-external-local-everywhere"],
  ["policy Local, none on the node", "internal-local-external-local-on-the-other-node"],
  ["no endpoint anywhere", "internal-cluster-external-cluster-nowhere"],
];

function pathsTable(): string {
  const cases = new Map(matrix().map((one) => [one.name, one]));
  const rows = shownPaths.map((path) => [
    path,
    ...states.map(([, name]) => fateText(packetOf(cases.get(name), path).fate)),
  ]);
  const others = settings.flatMap((setting) => setting.cases);
  const alone = (["load balancer of mode Proxy", "unknown port", "unallocated address"] as const).map((path) => {
    const one = others.find(({ packets }) => packets.some((packet) => packet.path === path));
    return [path, fateText(packetOf(one, path).fate), "", "", ""];
  });
  return table(["from and to", ...states.map(([title]) => title)], [...rows, ...alone]);
}

function packetOf(one: PacketCase | undefined, path: Path): Packet {
  const packet = one?.packets.find((candidate) => candidate.path === path && candidate.decidedBy === "node-1");
  if (packet === undefined) throw new Error(`no case of the suite sends a packet from ${path}`);
  return packet;
}

function fateText(fate: Fate): string {
  switch (fate.kind) {
    case "served": {
      const who =
        fate.by.length === 3 ? "all" : fate.by.includes("b1") ? "those of the other nodes" : "those of the node";
      return `${who}; ${fate.source === "kept" ? "client's address kept" : "node's address seen"}`;
    }
    case "rejected":
      return "refused";
    case "dropped":
      return "dropped";
    case "leaves":
      return "leaves the node";
  }
}

function differencesTable(): string {
  const all: readonly Peculiarity[] = [...deviations, ...Object.values(peculiarities)];
  const rows = all.map(({ what, usually, here, reason }) => [
    what,
    usually,
    ...modes.map((mode) => here[mode] ?? "as usual"),
    reason,
  ]);
  return table(["what", "usually", ...modes, "why"], rows);
}

const shortcomings: Readonly<Partial<Record<ProxyMode, (plan: ServicePlan) => readonly string[]>>> = {
  nftables: nftablesShortcomings,
  iptables: iptablesShortcomings,
  ipvs: (plan) => ipvsShortcomings(plan, "rr"),
  userspace: userspaceShortcomings,
};

function schedulersTable(): string {
  const cluster = [endpointAt("10.244.1.2", "node-1"), endpointAt("10.244.2.2", "node-2")];
  const rows = schedulers.map((scheduler) => [
    `\`${scheduler}\``,
    ...modes.map((mode) => {
      const sentences = shortcomings[mode]?.(planWith({ scheduler, cluster })) ?? [];
      return sentences.length === 0 ? "yes" : (sentences[0]?.replace(/^.*?: /, "") ?? "");
    }),
  ]);
  return table(["scheduler", ...modes], rows);
}

/** A Markdown table. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return [line(head), `${"|---".repeat(head.length)}|\n`, ...rows.map(line)].join("");
}
