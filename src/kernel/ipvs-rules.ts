import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces, release } from "node:os";
import { CodedError, parseIp } from "../core/index.ts";
import type { Ip, IpFamily } from "../core/index.ts";
import { AddressWatch } from "./address-watch.ts";
import { ProgramError, runProgram } from "./exec.ts";
import { applyAddressSteps, applyLinkSteps } from "./ip.ts";
import { openIpset } from "./ipset.ts";
import type { IpsetChange } from "./ipset.ts";
import { openIpvs } from "./ipvs.ts";
import type { IpvsChange, IpvsDestinationState, IpvsServer, IpvsServerKey, IpvsTimeouts } from "./ipvs.ts";
import { KernelError, libc } from "./libc.ts";
import type { LinkStep } from "./link-step.ts";
import { inNamespace } from "./netns.ts";
import { writeSysctls } from "./sysctl.ts";
import { tableSizes } from "./xtables-info.ts";

/** A batch for one of the tools that make up a node's IPVS. Batches are applied in their order, each of them stands alone. */
export type IpvsStep =
  /** The dummy device for addresses, and the kernel's settings with it. */
  | { readonly kind: "device"; readonly present: boolean }
  /** Input for `ipset restore`: sets that are made and destroyed. */
  | { readonly kind: "ipset"; readonly text: string }
  /** Elements of sets. */
  | { readonly kind: "members"; readonly changes: readonly IpsetChange[] }
  | { readonly kind: "iptables"; readonly family: IpFamily; readonly text: string }
  | { readonly kind: "servers"; readonly changes: readonly IpvsChange[] }
  /** Of the dummy device. */
  | { readonly kind: "addresses"; readonly add: readonly Ip[]; readonly remove: readonly Ip[] };

/** What the kernel has, also of others. */
export interface IpvsListing {
  readonly servers: readonly { readonly server: IpvsServer; readonly destinations: readonly IpvsDestinationState[] }[];
  /** As `ipset save` prints it. */
  readonly ipset: string;
  /** As `iptables-save` prints it; a family that this kernel lacks has no text. */
  readonly iptables: Readonly<Partial<Record<IpFamily, string>>>;
  /** Of the dummy device. */
  readonly addresses: readonly Ip[];
}

/** IPVS with what belongs to it (ipset, iptables, a dummy device) in one network namespace. */
export interface IpvsRules {
  list(): Promise<IpvsListing>;
  /** Applies the batches until one fails: rejects with what its tool said, in an error with `code` where it is known. */
  apply(steps: readonly IpvsStep[]): Promise<void>;
  destinations(server: IpvsServerKey): readonly IpvsDestinationState[];
  has(server: IpvsServerKey): boolean;
  /** The node's own addresses, without those of the dummy device. */
  nodeAddresses(): readonly Ip[];
  /** Whether addresses of other devices may have changed since the last call. Cheap. */
  nodeAddressesChanged(): boolean;
  /** A text that stays the same as long as nobody changes iptables or the dummy device. Cheap, without a process. */
  fingerprint(): string;
  close(): void;
}

export interface IpvsRulesOptions {
  /** Path of the network namespace; the caller's own by default. */
  readonly namespace?: string;
  /** Which of the two iptables; by default the legacy one where it is in use or the other does not work. */
  readonly iptables?: "legacy" | "nft";
  /** How long IPVS remembers a silent connection. */
  readonly timeouts?: IpvsTimeouts;
}

const device = "kube-ipvs0";
const families: readonly IpFamily[] = ["IPv4", "IPv6"];

/** Opens IPVS for a proxy. Throws `CodedError` code `IpvsMissing` when this kernel has none. */
export function openIpvsRules({ namespace, iptables, timeouts }: IpvsRulesOptions = {}): IpvsRules {
  const place = namespace === undefined ? {} : { namespace };
  const inside = <T>(run: () => T): T => (namespace === undefined ? run() : inNamespace(namespace, run));
  const ipvs = openIpvs(place);
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

  const step = async (one: IpvsStep): Promise<void> => {
    switch (one.kind) {
      case "device":
        return inside(() => (one.present ? makeDevice() : ignoring("ENODEV", [{ kind: "delete-link", name: device }])));
      case "ipset":
        return void (await ipset(["restore", "-exist"], { ...place, input: one.text }));
      case "members":
        return inTurns(one.changes, (some) => sets.change(some));
      case "iptables":
        if (!readyFamilies.includes(one.family)) return;
        return void (await runProgram([await program(one.family, "restore"), "--noflush", "-w", "5"], {
          ...place,
          input: one.text,
        }));
      case "servers":
        return inTurns(one.changes, (some) => ipvs.change(some));
      case "addresses":
        await inTurns(one.add, (add) => inside(() => applyAddressSteps({ link: device, add, remove: [] })));
        return inTurns(one.remove, (remove) => inside(() => applyAddressSteps({ link: device, add: [], remove })));
    }
  };

  return {
    async list() {
      const saved = readyFamilies.map(
        async (family) => [family, await runProgram([await program(family, "save")], place)] as const,
      );
      const texts = await Promise.all(saved);
      return {
        servers: ipvs.servers().map((server) => ({ server, destinations: ipvs.destinations(server) })),
        ipset: await ipset(["save"], place),
        iptables: Object.fromEntries(texts),
        addresses: inside(() => addressesOf((name) => name === device)),
      };
    },
    async apply(steps) {
      for (const one of steps) await step(one);
    },
    destinations: (server) => ipvs.destinations(server),
    has: (server) => ipvs.has(server),
    nodeAddresses: () => inside(() => addressesOf((name) => name !== device)),
    nodeAddressesChanged: () => watch.changed(deviceIndex),
    fingerprint: () =>
      inside(
        () =>
          `${libc().if_nametoindex(device)} ${readyFamilies.map((family) => tableSizes(family, variant ?? "legacy")).join(" ")}`,
      ),
    close() {
      ipvs.close();
      sets.close();
      watch.close();
    },
  };
}

/** The legacy tables where somebody uses them already or where nftables does not work; both at once would be hard to understand. */
async function chooseVariant(
  inside: <T>(run: () => T) => T,
  place: { readonly namespace?: string },
): Promise<"legacy" | "nft"> {
  const inUse = inside(() => {
    try {
      return readFileSync("/proc/thread-self/net/ip_tables_names", "utf8").trim() !== "";
    } catch {
      return false;
    }
  });
  if (inUse) return "legacy";
  const probe = "SEALANE-IPVS-PROBE";
  try {
    const input = `*mangle\n:${probe} - [0:0]\n-X ${probe}\nCOMMIT\n`;
    await runProgram(["iptables-nft-restore", "--noflush"], { ...place, input });
    return "nft";
  } catch {
    return "legacy";
  }
}

async function ipset(
  args: readonly string[],
  options: { readonly namespace?: string; readonly input?: string },
): Promise<string> {
  try {
    return await runProgram(["ipset", ...args], options);
  } catch (error) {
    if (!(error instanceof ProgramError) || error.code === "ProgramMissing") throw error;
    const reason = error.stderr.replace(/^ipset v[\d.]+: /, "");
    const number = /Error in line (\d+)/.exec(reason)?.[1];
    const line = number === undefined ? "" : (options.input ?? "").split("\n")[Number(number) - 1];
    const code = /already exists/.test(reason) ? "EEXIST" : /does not exist/.test(reason) ? "ENOENT" : "IpsetRefused";
    throw new CodedError(code, `ipset: ${reason}${line === "" ? "" : `, in: ${line}`}`, { cause: error });
  }
}

function makeDevice(): void {
  ignoring("EEXIST", [{ kind: "dummy", name: device }]);
  applyLinkSteps([{ kind: "link", name: device, state: "up" }]);
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

function ignoring(code: string, steps: readonly LinkStep[]): void {
  try {
    applyLinkSteps(steps);
  } catch (error) {
    if (!(error instanceof KernelError) || error.code !== code) throw error;
  }
}

/** So many changes are made at a time, between which others get their turn. */
const changesAtOnce = 1000;

async function inTurns<T>(all: readonly T[], change: (some: readonly T[]) => void): Promise<void> {
  for (let at = 0; at < all.length; at += changesAtOnce) {
    if (at > 0) await new Promise((resolve) => void setImmediate(resolve));
    change(all.slice(at, at + changesAtOnce));
  }
}

function addressesOf(wanted: (name: string) => boolean): readonly Ip[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => wanted(name))
    .flatMap(([, addresses = []]) => addresses.flatMap(({ address }) => parseIp(address) ?? []))
    .filter((address) => !address.startsWith("fe80:"));
}
