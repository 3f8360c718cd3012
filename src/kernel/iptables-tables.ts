import type { IpFamily } from "../core/index.ts";
import { KernelError, libc } from "./libc.ts";
import { inNamespace } from "./netns.ts";
import { readChainUse } from "./nft-chain.ts";
import { readGeneration } from "./nft-generation.ts";

/** Looks into the kernel's tables of both variants of iptables without starting a program. */
export interface TableWatch {
  /** How much a legacy table has; `undefined` when there is no such table. */
  legacyTable(family: IpFamily, table: string): LegacyTable | undefined;
  /** A socket to ask for the legacy tables by; below 0 when this kernel has no such family. */
  legacySocket(family: IpFamily): number;
  /** Whether the nft variant's table has a chain. */
  hasNftChain(family: IpFamily, table: string, chain: string): boolean;
  /** How many rules such a chain has, and how many rules lead to it, in one number; `undefined` when there is no such chain. */
  nftChainUse(family: IpFamily, table: string, chain: string): number | undefined;
  /** A number that grows with each change of anyone in nftables; `undefined` when this kernel has none. */
  nftGeneration(): number | undefined;
  close(): void;
}

/** What the kernel tells of a legacy table at once. */
export interface LegacyTable {
  /** Rules, and two for each chain. */
  readonly entries: number;
  /** A bit for each of the kernel's own chains (1 << NF_INET_...) that has a rule. */
  readonly usedHooks: number;
}

/** Opens it for a network namespace (a path; the caller's own by default). Sockets are made when they are needed. */
export function openTableWatch(namespace?: string): TableWatch {
  const sockets = new Map<string, number>();
  const socketFor = (domain: number, type: number, protocol: number): number => {
    const key = `${domain} ${type} ${protocol}`;
    const known = sockets.get(key);
    if (known !== undefined) return known;
    const open = (): number => libc().socket(domain, type | closeOnExec, protocol);
    const socket = namespace === undefined ? open() : inNamespace(namespace, open);
    if (socket >= 0) sockets.set(key, socket);
    return socket;
  };
  const legacySocket = (family: IpFamily): number => socketFor(addressFamily[family], datagram, 0);
  const nftChainUse = (family: IpFamily, table: string, chain: string): number | undefined => {
    const socket = socketFor(netlink, raw, netfilter);
    return socket < 0 ? undefined : readChainUse(socket, { family, table, chain });
  };
  return {
    legacySocket,
    legacyTable(family, table) {
      const socket = legacySocket(family);
      if (socket < 0) return undefined;
      const info = new Uint8Array(infoSize);
      info.set(new TextEncoder().encode(table));
      const length = new Uint8Array(new Uint32Array([infoSize]).buffer);
      const level = family === "IPv4" ? levelIPv4 : levelIPv6;
      if (libc().getsockopt(socket, level, getInfo, info, length) < 0) return undefined;
      const words = new Uint32Array(info.buffer);
      const word = (at: number): number => words[at] ?? 0;
      let usedHooks = 0;
      for (let hook = 0; hook < hooks; hook++) {
        const isThere = ((word(validHooksAt) >> hook) & 1) === 1;
        // The policy follows the first rule.
        if (isThere && word(entriesOfHooksAt + hook) !== word(policiesAt + hook)) usedHooks |= 1 << hook;
      }
      return { entries: word(entriesAt), usedHooks };
    },
    hasNftChain: (family, table, chain) => nftChainUse(family, table, chain) !== undefined,
    nftChainUse,
    nftGeneration() {
      const socket = socketFor(netlink, raw, netfilter);
      try {
        return socket < 0 ? undefined : readGeneration(socket);
      } catch (error) {
        if (!(error instanceof KernelError)) throw error;
        return undefined;
      }
    },
    close() {
      for (const socket of sockets.values()) libc().close(socket);
      sockets.clear();
    },
  };
}

const closeOnExec = 0x80000;
const datagram = 2;
const raw = 3;
const addressFamily = { IPv4: 2, IPv6: 10 };
const netlink = 16;
const netfilter = 12;

// linux/netfilter_ipv4/ip_tables.h: IPT_SO_GET_INFO, and struct ipt_getinfo: name[32], valid_hooks, hook_entry[5],
// underflow[5], num_entries, size. IPv6 has the same.
const levelIPv4 = 0;
const levelIPv6 = 41;
const getInfo = 64;
const infoSize = 84;
// In words.
const validHooksAt = 8;
const entriesOfHooksAt = 9;
const policiesAt = 14;
const entriesAt = 19;
const hooks = 5;
