import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces, release } from "node:os";
import { ipFamily, parseIp } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { AddressWatch } from "./address-watch.ts";
import { hostAddress } from "./bound-socket.ts";
import { runProgram } from "./exec.ts";
import { applyLinkSteps, applyStepsOf } from "./ip.ts";
import { openIpset } from "./ipset.ts";
import type { IpsetChange } from "./ipset.ts";
import type { IpsetDefinition, IpsetElement, IpsetHeader } from "./ipset-messages.ts";
import { openTableWatch } from "./iptables-tables.ts";
import { openIpvs } from "./ipvs.ts";
import type { Ipvs, IpvsChange, IpvsDestinationState, IpvsServer, IpvsServerKey, IpvsTimeouts } from "./ipvs.ts";
import { KernelError, libc } from "./libc.ts";
import type { LinkStep } from "./link-step.ts";
import { areLocal, localRoutes } from "./local-routes.ts";
import { inNamespace } from "./netns.ts";
import { writeSysctls } from "./sysctl.ts";
import { inTurns } from "./turns.ts";
import { tableSizes } from "./xtables-info.ts";

/** A batch for one of the tools that make up a node's IPVS. Batches are applied in their order, each of them stands alone. */
export type IpvsStep =
  /** The dummy device for addresses, and the kernel's settings with it. */
  | { readonly kind: "device"; readonly present: boolean }
  /** Sets that are made where they are not there, and destroyed. */
  | { readonly kind: "sets"; readonly create: readonly IpsetDefinition[]; readonly destroy: readonly string[] }
  /** Elements of sets. */
  | { readonly kind: "members"; readonly changes: readonly IpsetChange[] }
  | { readonly kind: "iptables"; readonly family: IpFamily; readonly text: string }
  | { readonly kind: "servers"; readonly changes: readonly IpvsChange[] }
  /** Addresses that the node takes as its own, by routes of the dummy device. */
  | { readonly kind: "addresses"; readonly add: readonly Ip[]; readonly remove: readonly Ip[] }
  /** From now on processes of the node call these addresses from one that another device has. */
  | { readonly kind: "sources"; readonly addresses: readonly Ip[] };

/** What the kernel has, also of others: all but sets of other names. */
export interface IpvsListing {
  readonly servers: readonly { readonly server: IpvsServer; readonly destinations: readonly IpvsDestinationState[] }[];
  readonly sets: readonly { readonly name: string; readonly elements: readonly IpsetElement[] }[];
  /** As `iptables-save` prints it; a family that this kernel lacks has no text. */
  readonly iptables: Readonly<Partial<Record<IpFamily, string>>>;
  /** That the node takes as its own by routes of the dummy device. */
  readonly addresses: readonly Ip[];
}

/** IPVS with what belongs to it (ipset, iptables, a dummy device) in one network namespace. */
export interface IpvsRules {
  /** `prefix`: what the names of the sets begin with. */
  list(prefix: string): Promise<IpvsListing>;
  /** Applies the batches until one fails: rejects with what its tool said, in an error with `code` where it is known. */
  apply(steps: readonly IpvsStep[]): Promise<void>;
  destinations(server: IpvsServerKey): readonly IpvsDestinationState[];
  servers(): readonly IpvsServer[];
  /** The node's own addresses, without those of the dummy device. */
  nodeAddresses(): readonly Ip[];
  /** Whether the node takes packets to each of these addresses as its own. */
  areOwn(addresses: readonly Ip[]): boolean;
  /** Whether addresses of other devices may have changed since the last call. Cheap. */
  nodeAddressesChanged(): boolean;
  /** A text that stays the same as long as nobody changes iptables or the dummy device. Cheap, without a process. */
  fingerprint(): string;
  /** How many elements the sets have whose names begin with `prefix`, and how many rules name them. Does not look at the elements. */
  setHeaders(prefix: string): readonly IpsetHeader[];
  /**
   * A text that changes when virtual servers come or go, in this network namespace or in another one: how many hold the kernel's module. Always the same
   * where IPVS is no module. Costs the reading of a file.
   */
  useCount(): string;
  close(): void;
}

export interface IpvsRulesOptions {
  /** Path of the network namespace; the caller's own by default. */
  readonly namespace?: string;
  /** Which of the two iptables; by default the legacy one where it is in use or the other does not work. */
  readonly iptables?: "legacy" | "nft";
  /** How long IPVS remembers a silent connection. */
  readonly timeouts?: IpvsTimeouts;
  /** The virtual servers; the kernel's by default. */
  readonly ipvs?: Ipvs;
}

const device = "kube-ipvs0";
const families: readonly IpFamily[] = ["IPv4", "IPv6"];

/** Opens IPVS for a proxy. Throws `CodedError` code `IpvsMissing` when this kernel has none. */
export function openIpvsRules({ namespace, iptables, timeouts, ...options }: IpvsRulesOptions = {}): IpvsRules {
  const place = namespace === undefined ? {} : { namespace };
  const inside = <T>(run: () => T): T => (namespace === undefined ? run() : inNamespace(namespace, run));
  const ipvs = options.ipvs ?? openIpvs(place);
  const sets = openIpset(place);
  if (timeouts !== undefined) ipvs.setTimeouts(timeouts);
  const watch = new AddressWatch(namespace);
  const deviceIndex = (): number => inside(() => libc().if_nametoindex(device));
  let variant = iptables;

  const program = async (family: IpFamily, action: "restore" | "save"): Promise<string> => {
    variant ??= await chooseVariant(inside, place);
    return `${family === "IPv4" ? "iptables" : "ip6tables"}-${variant}-${action}`;
  };
  const readyFamilies = families.filter((family) => family === "IPv4" || existsSync("/proc/sys/net/ipv6"));

  const routes = (addresses: readonly Ip[], step: (address: Ip) => LinkStep): Promise<void> =>
    inTurns(inParts(addresses, (some) => inside(() => applyStepsOf(device, some.map(step)))));

  const step = async (one: IpvsStep): Promise<void> => {
    switch (one.kind) {
      case "device":
        return inside(() => (one.present ? makeDevice() : ignoring("ENODEV", [{ kind: "delete-link", name: device }])));
      case "sets":
        sets.create(one.create);
        return sets.destroy(one.destroy);
      case "members":
        return inTurns(inParts(one.changes, (some) => sets.change(some)));
      case "iptables":
        if (!readyFamilies.includes(one.family)) return;
        return void (await runProgram([await program(one.family, "restore"), "--noflush", "-w", "5"], {
          ...place,
          input: one.text,
        }));
      case "servers":
        return inTurns(inParts(one.changes, (some) => ipvs.change(some)));
      case "addresses":
        await routes(one.add, (address) => ({ kind: "local-route", address, link: device }));
        return routes(one.remove, (address) => ({ kind: "delete-local-route", address, link: device }));
      case "sources": {
        const own = inside(() => ({ IPv4: hostAddress("IPv4", device), IPv6: hostAddress("IPv6", device) }));
        return routes(one.addresses, (address) => {
          const source = own[ipFamily(address)];
          return { kind: "local-route", address, link: device, ...(source === undefined ? {} : { source }) };
        });
      }
    }
  };

  return {
    async list(prefix) {
      const isUsed = hasTables(inside, place, variant);
      const saved = (isUsed ? readyFamilies : []).map(
        async (family) => [family, await runProgram([await program(family, "save")], place)] as const,
      );
      const texts = await Promise.all(saved);
      const names = sets.headers().flatMap(({ name }) => (name.startsWith(prefix) ? name : []));
      return {
        servers: ipvs.servers().map((server) => ({ server, destinations: ipvs.destinations(server) })),
        sets: names.map((name) => ({ name, elements: sets.elements(name) })),
        iptables: { ...Object.fromEntries(readyFamilies.map((family) => [family, ""])), ...Object.fromEntries(texts) },
        addresses: inside(() => localRoutes(device)).filter(isGlobal),
      };
    },
    async apply(steps) {
      for (const one of steps) await step(one);
    },
    destinations: (server) => ipvs.destinations(server),
    servers: () => ipvs.servers(),
    nodeAddresses: () => inside(() => addressesOf((name) => name !== device)),
    areOwn: (addresses) => inside(() => areLocal(addresses)),
    nodeAddressesChanged: () => watch.changed(deviceIndex),
    fingerprint: () =>
      inside(() => {
        const sizes = readyFamilies.map((family) => tableSizes(family, variant ?? "legacy"));
        return `${libc().if_nametoindex(device)} ${sizes.join(" ")}`;
      }),
    setHeaders: (prefix) => sets.headers().filter(({ name }) => name.startsWith(prefix)),
    useCount,
    close() {
      ipvs.close();
      sets.close();
      watch.close();
    },
  };
}

const tablesOfRules = ["mangle", "nat", "filter"] as const;

/** Whether there can be rules at all: listing those of a table of the legacy variant would make it. */
function hasTables(
  inside: <T>(run: () => T) => T,
  { namespace }: { readonly namespace?: string },
  variant: "legacy" | "nft" | undefined,
): boolean {
  if (variant !== "nft" && hasLegacyTables(inside)) return true;
  if (variant === "legacy") return false;
  const watch = openTableWatch(namespace);
  try {
    return tablesOfRules.some((table) => families.some((family) => watch.hasNftChain(family, table, "OUTPUT")));
  } finally {
    watch.close();
  }
}

/** The legacy tables where somebody uses them already or where nftables does not work; both at once would be hard to understand. */
async function chooseVariant(
  inside: <T>(run: () => T) => T,
  place: { readonly namespace?: string },
): Promise<"legacy" | "nft"> {
  if (hasLegacyTables(inside)) return "legacy";
  const probe = "SEALANE-IPVS-PROBE";
  try {
    const input = `*mangle\n:${probe} - [0:0]\n-X ${probe}\nCOMMIT\n`;
    await runProgram(["iptables-nft-restore", "--noflush"], { ...place, input });
    return "nft";
  } catch {
    return "legacy";
  }
}

function hasLegacyTables(inside: <T>(run: () => T) => T): boolean {
  return inside(() => {
    try {
      return readFileSync("/proc/thread-self/net/ip_tables_names", "utf8").trim() !== "";
    } catch {
      return false;
    }
  });
}

/** Each virtual server holds the module of IPVS. */
function useCount(): string {
  try {
    return readFileSync("/sys/module/ip_vs/refcnt", "utf8").trim();
  } catch {
    return "";
  }
}

function makeDevice(): void {
  ignoring("EEXIST", [{ kind: "dummy", name: device }]);
  applyLinkSteps([{ kind: "link", name: device, state: "up" }]);
  adoptAddresses();
  const [major = 0, minor = 0] = release().split(".").map(Number);
  writeSysctls({
    "net/ipv4/ip_forward": 1,
    // Masquerading and the state of connections need it.
    "net/ipv4/vs/conntrack": 1,
    // Connections to a destination that is gone end, and clients that it was kept for are placed again.
    "net/ipv4/vs/expire_nodest_conn": 1,
    "net/ipv4/vs/expire_quiescent_template": 1,
    // Before Linux 5.9 a client's port that is used again costs a second (kubernetes#81775).
    ...(major < 5 || (major === 5 && minor < 9) ? { "net/ipv4/vs/conn_reuse_mode": 0 } : {}),
    // Every node has the addresses of load balancers; only its announcer may say so to the neighbours.
    "net/ipv4/conf/all/arp_ignore": 1,
    "net/ipv4/conf/all/arp_announce": 2,
  });
}

/** Puts routes in the place of addresses that kube-proxy left, or an earlier version. Which of them are wanted is the next full write's question. */
function adoptAddresses(): void {
  const addresses = addressesOf((name) => name === device);
  const routes = addresses.map((address): LinkStep => ({ kind: "local-route", address, link: device }));
  const removal = addresses.map((address): LinkStep => {
    return { kind: "delete-address", address, prefix: ipFamily(address) === "IPv4" ? 32 : 128, link: device };
  });
  // With the last IPv4 address of a link the kernel takes away all of its routes.
  applyStepsOf(device, [...routes, ...removal, ...routes]);
}

function ignoring(code: string, steps: readonly LinkStep[]): void {
  try {
    applyLinkSteps(steps);
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== code) throw error;
  }
}

/** So many changes are made at a time, between which others get their turn. */
const changesAtOnce = 1000;

function* inParts<T>(all: readonly T[], change: (some: readonly T[]) => void): Generator<undefined, void> {
  for (let at = 0; at < all.length; at += changesAtOnce) {
    if (at > 0) yield;
    change(all.slice(at, at + changesAtOnce));
  }
}

function addressesOf(wanted: (name: string) => boolean): readonly Ip[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => wanted(name))
    .flatMap(([, addresses = []]) => addresses.flatMap(({ address }) => parseIp(address) ?? []))
    .filter(isGlobal);
}

function isGlobal(address: Ip): boolean {
  return !address.startsWith("fe80:");
}
