import { dnsName, nameFrom, nameKey, recordTypes, responseCodes } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import { parseIp, silentLogger } from "../core/index.ts";
import type { Clock, Ip, Logger, Random } from "../core/index.ts";
import { splitFamilies } from "./address-bytes.ts";
import { addresses, failure, negative, positive, records, zoneSoa } from "./resolver.ts";
import type { Reply, Request, Resolver } from "./resolver.ts";
import { askInOrder, createResponder } from "./responder.ts";
import type { Answer, ResponderStats } from "./responder.ts";
import { reverseAddress } from "./reverse-zone.ts";
import type { AddressSet } from "./service-entry.ts";

/** How a static zone is served. */
export interface StaticZoneOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  /** What names get that were never set: "no such name", as from the whole world's DNS, or a refusal. */
  readonly others?: "nxdomain" | "refused";
  /** Seconds that clients may keep an answer; 5 unless given. */
  readonly ttl?: number;
}

/** A DNS server of a few names that the program sets. */
export interface StaticZone {
  readonly answer: Answer;
  /** For use behind another responder. */
  readonly resolver: Resolver;
  /**
   * Gives a name these addresses instead of those it had; no address takes the name away. Throws `TypeError` for
   * what is no name or no address.
   */
  set(name: string, addresses: readonly string[]): void;
  readonly stats: () => ResponderStats;
}

interface StaticName extends AddressSet {
  readonly name: DnsName;
  readonly ips: readonly Ip[];
}

/** Makes a DNS server for fixed names; their addresses have names, too (PTR). */
export function createStaticZone(
  hosts: Readonly<Record<string, readonly string[]>>,
  options: StaticZoneOptions,
): StaticZone {
  const { clock, random, others = "nxdomain", ttl = 5 } = options;
  const names = new Map<string, StaticName>();
  const parents = new Map<string, number>();
  let serial = seconds(clock);

  const countParents = (name: DnsName, difference: number): void => {
    for (let at = 0; name[at] !== 0;) {
      at += 1 + (name[at] ?? 0);
      const key = nameKey(nameFrom(name, at));
      const count = (parents.get(key) ?? 0) + difference;
      if (count > 0) parents.set(key, count);
      else parents.delete(key);
    }
  };

  const set: StaticZone["set"] = (text, list) => {
    const name = dnsName(text);
    const ips = list.map(addressOf);
    const key = nameKey(name);
    if (names.delete(key)) countParents(name, -1);
    if (ips.length > 0) {
      names.set(key, { name, ips, ...splitFamilies(ips) });
      countParents(name, 1);
    }
    serial = seconds(clock);
  };

  const found = (request: Request, host: StaticName): Reply | undefined => {
    const [packed, width] = request.type === recordTypes.AAAA ? ([host.v6, 16] as const) : ([host.v4, 4] as const);
    const isAddress = request.type === recordTypes.A || request.type === recordTypes.AAAA;
    if (!isAddress || packed.length === 0) return undefined;
    const first = Math.floor(random() * (packed.length / width));
    return positive([addresses(0, ttl, packed, width, first)]);
  };

  const pointers = (request: Request): Reply | undefined => {
    const address = request.type === recordTypes.PTR ? reverseAddress(request.name)?.address : undefined;
    if (address === undefined) return undefined;
    const owners = [...names.values()].filter(({ ips }) => ips.includes(address)).map(({ name }) => name);
    return owners.length === 0 ? undefined : positive([records(0, recordTypes.PTR, ttl, owners)]);
  };

  const resolver: Resolver = {
    resolve: (request) => {
      const key = nameKey(request.name);
      const host = names.get(key);
      const reply = host === undefined ? pointers(request) : found(request, host);
      if (reply !== undefined) return { ...reply, recursionAvailable: true };
      const exists = host !== undefined || parents.has(key);
      if (!exists && others === "refused") return failure(responseCodes.REFUSED);
      // The zone is the whole world, so its SOA stands at the root: the last byte of every name.
      const soa = zoneSoa(request.name.length - 1, serial, ttl);
      return { ...negative(exists ? responseCodes.NOERROR : responseCodes.NXDOMAIN, soa), recursionAvailable: true };
    },
  };

  for (const [name, list] of Object.entries(hosts)) set(name, list);
  const responder = createResponder(askInOrder([resolver]), options.log ?? silentLogger);
  return { answer: responder.answer, resolver, set, stats: responder.stats };
}

function addressOf(text: string): Ip {
  const address = parseIp(text);
  if (address === undefined) throw new TypeError(`Not an IP address: ${JSON.stringify(text)}`);
  return address;
}

function seconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
