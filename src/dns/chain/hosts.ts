import { dnsName, nameFrom, nameKey, parseName, recordTypes, responseCodes, zoneOffset } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import { ipFromBytes, ipToBytes, parseIp } from "../../core/index.ts";
import type { Cancel, Clock, Ip, Logger, Random } from "../../core/index.ts";
import { splitFamilies } from "../address-bytes.ts";
import type { HostsSettings } from "../corefile/configuration.ts";
import { addresses, negative, positive, records, zoneSoa } from "../resolver.ts";
import type { Reply, Request, Resolver } from "../resolver.ts";
import { reverseAddress } from "../reverse-zone.ts";
import type { AddressSet } from "../service-entry.ts";
import { fallsThrough } from "./fallthrough.ts";

/** One line of a hosts file. */
export interface HostsEntry {
  readonly address: Ip;
  readonly names: readonly string[];
}

/** Reads a file in the form of `/etc/hosts`; lines that are none are left out. */
export function parseHosts(text: string): readonly HostsEntry[] {
  return text.split("\n").flatMap((line) => {
    const [first = "", ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
    const address = parseIp(first);
    const usable = names.filter((name) => parseName(name) !== undefined);
    return address === undefined || usable.length === 0 ? [] : [{ address, names: usable }];
  });
}

/** What hosts are served with. */
export interface HostsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly readText: (path: string) => string | undefined;
}

interface Table {
  readonly names: ReadonlyMap<string, AddressSet>;
  readonly parents: ReadonlySet<string>;
  readonly reverse: ReadonlyMap<Ip, readonly DnsName[]>;
  readonly serial: number;
}

/** Serves the names of a hosts file and of the configuration itself; the file is read again when it changes. */
export class Hosts implements Resolver {
  readonly #settings: HostsSettings;
  readonly #parts: HostsParts;
  readonly #zones: readonly DnsName[];
  readonly #passesOn: (name: DnsName) => boolean;
  #text: string | undefined;
  #table: Table;
  #cancel: Cancel = () => undefined;

  constructor(settings: HostsSettings, parts: HostsParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#zones = settings.zones.map(dnsName).sort((a, b) => b.length - a.length);
    this.#passesOn = fallsThrough(settings.fallthrough);
    this.#text = this.#read();
    this.#table = this.#tableOf(this.#text);
    this.#watch();
  }

  /** How many names there are. */
  get entries(): number {
    return this.#table.names.size;
  }

  resolve(request: Request): Reply | undefined {
    const zoneAt = this.#zoneAt(request.name);
    if (zoneAt === undefined) return undefined;
    const reverse = this.#settings.reverse ? reverseAddress(request.name)?.address : undefined;
    const found = reverse === undefined ? this.#forward(request) : this.#backward(request, reverse);
    if (found !== "no such name" && found !== "no data") return { ...found, plugin: "hosts" };
    if (found === "no such name" && this.#passesOn(request.name)) return undefined;
    const rcode = found === "no data" ? responseCodes.NOERROR : responseCodes.NXDOMAIN;
    return { ...negative(rcode, zoneSoa(zoneAt, this.#table.serial, this.#settings.ttl)), plugin: "hosts" };
  }

  /** Stops looking at the file. */
  stop(): void {
    this.#cancel();
  }

  #zoneAt(name: DnsName): number | undefined {
    for (const zone of this.#zones) {
      const at = zoneOffset(name, zone);
      if (at >= 0) return at;
    }
    return undefined;
  }

  #forward(request: Request): Reply | "no data" | "no such name" {
    const key = nameKey(request.name);
    const set = this.#table.names.get(key);
    if (set === undefined) return this.#table.parents.has(key) ? "no data" : "no such name";
    const [packed, width] = request.type === recordTypes.AAAA ? ([set.v6, 16] as const) : ([set.v4, 4] as const);
    const isAddress = request.type === recordTypes.A || request.type === recordTypes.AAAA;
    if (!isAddress || packed.length === 0) return "no data";
    const first = Math.floor(this.#parts.random() * (packed.length / width));
    return positive([addresses(0, this.#settings.ttl, packed, width, first)]);
  }

  #backward(request: Request, address: Ip): Reply | "no data" | "no such name" {
    const names = this.#table.reverse.get(address);
    if (names === undefined) return "no such name";
    if (request.type !== recordTypes.PTR) return "no data";
    return positive([records(0, recordTypes.PTR, this.#settings.ttl, names)]);
  }

  #watch(): void {
    const { file, reloadMs } = this.#settings;
    if (file === undefined || reloadMs === 0) return;
    this.#cancel = this.#parts.clock.schedule(reloadMs, () => {
      const text = this.#read();
      if (text !== this.#text) {
        this.#text = text;
        this.#table = this.#tableOf(text);
        this.#parts.log.info("hosts file read again", { file, names: this.#table.names.size });
      }
      this.#watch();
    });
  }

  #read(): string | undefined {
    const { file } = this.#settings;
    return file === undefined ? undefined : this.#parts.readText(file);
  }

  #tableOf(text: string | undefined): Table {
    const entries = [...this.#settings.inline, ...parseHosts(text ?? "")];
    const lists = new Map<string, Ip[]>();
    const parents = new Set<string>();
    const reverse = new Map<Ip, DnsName[]>();
    for (const { address: writtenAddress, names } of entries) {
      const address = withoutMapping(writtenAddress);
      for (const written of names) {
        const name = dnsName(written);
        // A name outside of the zones is never asked for here.
        if (this.#zoneAt(name) === undefined) continue;
        const list = lists.get(nameKey(name)) ?? [];
        if (!list.includes(address)) list.push(address);
        lists.set(nameKey(name), list);
        for (const parent of parentsOf(name)) parents.add(parent);
        const others = reverse.get(address);
        if (others === undefined) reverse.set(address, [name]);
        else others.push(name);
      }
    }
    const names = new Map([...lists].map(([key, list]) => [key, splitFamilies(list)]));
    return { names, parents, reverse, serial: Math.floor(this.#parts.clock.now() / 1000) };
  }
}

/** `10.0.0.2` for `::ffff:10.0.0.2`, which is the same host (RFC 4291 section 2.5.5.2); other addresses as they are. */
function withoutMapping(address: Ip): Ip {
  const bytes = ipToBytes(address);
  const isMapped = bytes.length === 16 && bytes.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
  return isMapped ? ipFromBytes(bytes.subarray(12)) : address;
}

/** Names between a name and the root exist, too, but have no records. */
function parentsOf(name: DnsName): readonly string[] {
  const parents: string[] = [];
  for (let at = 1 + (name[0] ?? 0); name[at] !== 0 && at < name.length; at += 1 + (name[at] ?? 0)) {
    parents.push(nameKey(nameFrom(name, at)));
  }
  return parents;
}
