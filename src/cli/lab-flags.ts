import { cidrAddress, cidrBase, cidrContains, cidrPrefix, parseCidr, parseIp } from "../core/index.ts";
import type { Cidr } from "../core/index.ts";
import { checkCorefile, defaultLabOptions, labDirectory } from "../app/index.ts";
import type { LabOptions, OutsideHost } from "../app/index.ts";
import type { ProxyMode } from "../proxy/index.ts";
import { durationOption, integerOption, UsageError } from "./command.ts";
import { checkScheduler, modeOption, proxySettings } from "./proxy/proxy-flags.ts";

/** The flags that decide what a lab is, for `util.parseArgs`. */
export const labFlags = {
  name: { type: "string", default: "default" },
  nodes: { type: "string", default: String(defaultLabOptions.nodes) },
  zones: { type: "string", default: defaultLabOptions.zones.join(",") },
  lan: { type: "string", default: defaultLabOptions.lan },
  "pod-cidr": { type: "string", default: defaultLabOptions.podCidr },
  "service-cidr": { type: "string", default: defaultLabOptions.serviceCidr },
  "node-port-range": { type: "string", default: defaultLabOptions.nodePortRange.join("-") },
  "lb-pool": { type: "string" },
  "dns-upstream": { type: "string", multiple: true },
  "dns-corefile": { type: "string" },
  "dns-autopath": { type: "boolean" },
  "outside-host": { type: "string", multiple: true },
  "node-grace": { type: "string", default: `${defaultLabOptions.nodeGraceMs}ms` },
  state: { type: "string" },
  "proxy-mode": { type: "string", multiple: true },
  "proxy-config": { type: "string" },
  "ipvs-scheduler": { type: "string" },
  "reset-removed": { type: "boolean", default: false },
} as const;

/** What `labFlags` parse to. */
export interface LabFlagValues {
  readonly name: string;
  readonly nodes: string;
  readonly zones: string;
  readonly lan: string;
  readonly "pod-cidr": string;
  readonly "service-cidr": string;
  readonly "node-port-range": string;
  readonly "lb-pool"?: string | undefined;
  readonly "dns-upstream"?: readonly string[] | undefined;
  readonly "dns-corefile"?: string | undefined;
  readonly "dns-autopath"?: boolean | undefined;
  readonly "outside-host"?: readonly string[] | undefined;
  readonly "node-grace": string;
  readonly state?: string | undefined;
  readonly "proxy-mode"?: readonly string[] | undefined;
  readonly "proxy-config"?: string | undefined;
  readonly "ipvs-scheduler"?: string | undefined;
  readonly "reset-removed": boolean;
}

/** The help of these flags. */
export const labFlagsHelp = `  --nodes N             nodes node-1..node-N (default 3, at most 39)
  --zones a,a,b         zones of node-1, node-2, ...; repeated for more nodes
  --outside-host NAME=IP  a host outside the cluster; repeatable (default: db.example.com=192.168.100.50)
  --dns-upstream IP     resolver for names outside the cluster; repeatable (default: the lab's outside world)
  --dns-corefile FILE   a Corefile for the nodes' DNS; read again when it changes, if it says reload
  --dns-autopath        let the nodes' DNS go through the search lists of pods
  --lan CIDR            the LAN (default 192.168.100.0/24: router .1, client .10, nodes from .11)
  --lb-pool FIRST-LAST  LoadBalancer addresses (default: .200-.250 of the LAN)
  --pod-cidr CIDR       pod network; node N gets its Nth /24 (default 10.244.0.0/16)
  --service-cidr CIDR   Service addresses (default 10.96.0.0/16)
  --node-port-range A-B (default 30000-32767)
  --node-grace TIME     silence after which a node counts as dead (default 3s)
  --proxy-mode MODE     nftables (default), iptables, ipvs or userspace; NODE=MODE for one node; repeatable
  --proxy-config FILE   a KubeProxyConfiguration for the nodes' proxies
  --ipvs-scheduler NAME rr, wrr, lc, wlc, lblc, lblcr, sh, dh, sed, nq, mh, fo or ovf (modes ipvs and userspace)
  --reset-removed       end TCP connections to endpoints that have gone
  --state DIR           keep the objects in DIR, across restarts`;

/** Checks the flags and makes a lab's options of them. Throws `UsageError` that names the flag. */
export function labOptions(values: LabFlagValues, workingDirectory: string): LabOptions {
  labDirectory(values.name);
  const lan = lanNetwork(values.lan);
  const nodes = integerOption("nodes", values.nodes, 1, 39);
  const zones = values.zones.split(",");
  if (zones.some((zone) => !/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/.test(zone))) {
    throw new UsageError(`--zones must be names separated by commas, not ${JSON.stringify(values.zones)}`);
  }
  const podCidr = network("pod-cidr", values["pod-cidr"], 16);
  const serviceCidr = network("service-cidr", values["service-cidr"], 28);
  refuseOverlap({ lan, "pod-cidr": podCidr, "service-cidr": serviceCidr });
  return {
    name: values.name,
    nodes,
    zones,
    lan,
    podCidr,
    serviceCidr,
    loadBalancerPool: pool(values["lb-pool"], lan),
    nodePortRange: portRange(values["node-port-range"]),
    clusterDomain: defaultLabOptions.clusterDomain,
    dnsUpstreams: (values["dns-upstream"] ?? []).map((text) => address("dns-upstream", text)),
    dnsCorefile: corefile(values, workingDirectory),
    dnsAutopath: values["dns-autopath"] === true,
    outsideHosts: outsideHosts(values["outside-host"], lan),
    stateDirectory: values.state === undefined ? undefined : resolvePath(workingDirectory, values.state),
    nodeGraceMs: durationOption("node-grace", values["node-grace"]),
    ...proxyOptions(values, nodes),
    nodeHeartbeatMs: Math.max(100, Math.floor(durationOption("node-grace", values["node-grace"]) / 4)),
  };
}

/** `MODE` for all nodes, `NODE=MODE` for one. */
function proxyOptions(values: LabFlagValues, nodes: number): Pick<LabOptions, "proxy" | "proxyModes"> {
  const settings = proxySettings(values, defaultLabOptions.proxy);
  const own = new Map<string, ProxyMode>();
  let { mode } = settings;
  for (const text of values["proxy-mode"] ?? []) {
    const [node, name, ...rest] = text.split("=");
    if (rest.length > 0 || node === undefined)
      throw new UsageError(`--proxy-mode must be MODE or NODE=MODE, not ${JSON.stringify(text)}`);
    if (name === undefined) {
      mode = modeOption(node);
      continue;
    }
    const number = Number(/^node-([1-9]\d*)$/.exec(node)?.[1]);
    if (!(number <= nodes))
      throw new UsageError(`--proxy-mode ${text}: this lab has the nodes node-1 to node-${nodes}`);
    own.set(node, modeOption(name));
  }
  checkScheduler(settings, [mode, ...own.values()]);
  return { proxy: { ...settings, mode }, proxyModes: Object.fromEntries(own) };
}

/** The LAN has fixed places for its machines: exactly 24 bits. */
function lanNetwork(text: string): Cidr {
  const parsed = network("lan", text, 24);
  if (cidrPrefix(parsed) !== 24)
    throw new UsageError(`--lan must be a network of 24 bits, not ${JSON.stringify(text)}`);
  return parsed;
}

function network(flag: string, text: string, longestPrefix: number): Cidr {
  const parsed = parseCidr(text);
  if (parsed === undefined || parsed.includes(":") || cidrPrefix(parsed) > longestPrefix) {
    throw new UsageError(
      `--${flag} must be an IPv4 network of at least /${longestPrefix}, not ${JSON.stringify(text)}`,
    );
  }
  return parsed;
}

/** Each address must mean one thing. Throws `UsageError` naming both flags. */
function refuseOverlap(networks: Readonly<Record<string, Cidr>>): void {
  const entries = Object.entries(networks);
  for (const [i, [flag, one]] of entries.entries()) {
    for (const [other, two] of entries.slice(i + 1)) {
      if (!cidrContains(one, cidrBase(two)) && !cidrContains(two, cidrBase(one))) continue;
      throw new UsageError(`--${flag} ${one} and --${other} ${two} overlap: choose networks apart from each other`);
    }
  }
}

function address(flag: string, text: string): string {
  const parsed = parseIp(text);
  if (parsed === undefined) throw new UsageError(`--${flag} must be an IP address, not ${JSON.stringify(text)}`);
  return parsed;
}

/** The path of the Corefile, which must be one. Throws `CodedError` code `InvalidCorefile`. */
function corefile(values: LabFlagValues, workingDirectory: string): string | undefined {
  const given = values["dns-corefile"];
  if (given === undefined) return undefined;
  if (values["dns-autopath"] === true) {
    throw new UsageError(
      "--dns-corefile and --dns-autopath exclude each other: write autopath @kubernetes into the file",
    );
  }
  const path = resolvePath(workingDirectory, given);
  checkCorefile(path);
  return path;
}

function pool(text: string | undefined, lan: Cidr): string {
  if (text === undefined) return `${cidrAddress(lan, 200)}-${cidrAddress(lan, 250)}`;
  const [first, last, ...rest] = text.split("-").map((part) => parseIp(part));
  const inside = [first, last].every((end) => end !== undefined && cidrContains(lan, end));
  if (!inside || rest.length > 0)
    throw new UsageError(`--lb-pool must be FIRST-LAST inside ${lan}, not ${JSON.stringify(text)}`);
  return text;
}

function portRange(text: string): readonly [number, number] {
  const [first = 0, last = 0] = text.split("-").map(Number);
  if (!/^[0-9]+-[0-9]+$/.test(text) || first < 1 || last > 65535 || first > last) {
    throw new UsageError(`--node-port-range must be FIRST-LAST between 1 and 65535, not ${JSON.stringify(text)}`);
  }
  return [first, last];
}

function outsideHosts(texts: readonly string[] | undefined, lan: Cidr): readonly OutsideHost[] {
  if (texts === undefined) return [{ name: "db.example.com", address: cidrAddress(lan, 50) }];
  return texts.map((text) => {
    const [name = "", ip = ""] = text.split("=");
    const parsed = parseIp(ip);
    if (!/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || parsed === undefined || !cidrContains(lan, parsed)) {
      throw new UsageError(`--outside-host must be NAME=IP with an address inside ${lan}, not ${JSON.stringify(text)}`);
    }
    return { name, address: parsed };
  });
}

function resolvePath(workingDirectory: string, path: string): string {
  return path.startsWith("/") ? path : `${workingDirectory}/${path}`;
}
