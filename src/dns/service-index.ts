import { labelIs, lowerByte } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { Ip } from "../core/index.ts";
import { serviceNameLabel } from "../objects/index.ts";
import type { EndpointSlice, Service } from "../objects/index.ts";
import { ServiceEntry } from "./service-entry.ts";
import { factsOfService, factsOfSlice } from "./kept-objects.ts";
import { addressKey, splitAddresses } from "./joined-addresses.ts";
import { portSharing, sameService, sameSlice, zoneSharing } from "./service-facts.ts";
import type { HostNames, ServiceFacts, ShareZones } from "./service-facts.ts";

type OneOrMore = ServiceEntry | readonly ServiceEntry[];
type ByAddress = Map<ReturnType<typeof addressKey>, OneOrMore>;

/**
 * Services and their endpoints, found by the bytes of a name and by address. A change costs what it changes. Every
 * change is complete when the call returns, and the index is only read between calls.
 */
export class ServiceIndex {
  /** Entries by hash; those with the same hash are chained. */
  readonly #table = new Map<number, ServiceEntry>();
  readonly #namespaces = new Map<string, number>();
  readonly #byClusterIp: ByAddress = new Map();
  /** Undefined until `prepare`: it is a tenth of the work of a first list, and few ask whose an address is. */
  #byEndpoint: ByAddress | undefined;
  readonly #changed: () => void;
  readonly #hostNames: HostNames;
  readonly #share = portSharing();
  readonly #shareZones: ShareZones | undefined;
  #services = 0;

  /** `changed` is called after every change that answers can show. Zones of endpoints are known only `withZones`. */
  constructor(changed: () => void, hostNames: HostNames = "address", withZones = false) {
    this.#changed = changed;
    this.#hostNames = hostNames;
    this.#shareZones = withZones ? zoneSharing() : undefined;
  }

  get services(): number {
    return this.#services;
  }

  /** How many distinct addresses endpoints have. */
  get endpointAddresses(): number {
    return this.#endpoints().size;
  }

  /** The Service whose labels (name, then namespace) start at these offsets of `name`. */
  find(name: DnsName, serviceAt: number, namespaceAt: number): ServiceEntry | undefined {
    let entry = this.#table.get(hashLabel(hashLabel(seed, name, serviceAt), name, namespaceAt));
    while (
      entry !== undefined &&
      !(labelIs(name, serviceAt, entry.name) && labelIs(name, namespaceAt, entry.namespace))
    ) {
      entry = entry.next;
    }
    return entry?.facts === undefined ? undefined : entry;
  }

  /** All Services, in no order. */
  *entries(): Iterable<ServiceEntry> {
    for (const first of this.#table.values()) {
      for (let entry: ServiceEntry | undefined = first; entry !== undefined; entry = entry.next) {
        if (entry.facts !== undefined) yield entry;
      }
    }
  }

  /** Whether a Service is in this namespace. */
  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** The Services with this cluster IP. */
  withClusterIp(address: Ip): readonly ServiceEntry[] {
    return listOf(this.#byClusterIp.get(addressKey(address)));
  }

  /** The Services with a published endpoint of this address. */
  withEndpoint(address: Ip): readonly ServiceEntry[] {
    return listOf(this.#endpoints().get(addressKey(address))).filter(
      ({ facts }) => facts !== undefined && facts.kind !== "external-name",
    );
  }

  /** Does what the first question for the Services of an address would have to wait for. */
  prepare(): void {
    this.#endpoints();
  }

  applyService(now: Service | undefined, before: Service | undefined): void {
    const object = now ?? before;
    if (object === undefined) return;
    const entry = this.#entry(object.metadata.namespace ?? "", object.metadata.name);
    const facts = now === undefined ? undefined : factsOfService(now, this.#share);
    const old = entry.facts;
    if (sameService(old, facts)) {
      this.#dropEmpty(entry);
      return;
    }
    entry.setFacts(facts);
    this.#count(entry.namespace, (facts === undefined ? 0 : 1) - (old === undefined ? 0 : 1));
    const kept = clusterIps(facts);
    for (const address of clusterIps(old)) if (!kept.includes(address)) unlink(this.#byClusterIp, address, entry);
    for (const address of kept) link(this.#byClusterIp, address, entry);
    this.#dropEmpty(entry);
    this.#changed();
  }

  applySlice(now: EndpointSlice | undefined, before: EndpointSlice | undefined): void {
    const oldName = before?.metadata.labels?.[serviceNameLabel];
    const newName = now?.metadata.labels?.[serviceNameLabel];
    if (before !== undefined && oldName !== undefined && oldName !== newName)
      this.#setSlice(before, oldName, undefined);
    if (now !== undefined && newName !== undefined) this.#setSlice(now, newName, now);
    else if (before !== undefined && oldName !== undefined && now === undefined) {
      this.#setSlice(before, oldName, undefined);
    }
  }

  #setSlice(object: EndpointSlice, service: string, now: EndpointSlice | undefined): void {
    const entry = this.#entry(object.metadata.namespace ?? "", service);
    const { name } = object.metadata;
    const old = entry.slices.find((slice) => slice.name === name);
    const facts = now === undefined ? undefined : factsOfSlice(now, this.#hostNames, this.#share, this.#shareZones);
    if (sameSlice(old, facts)) {
      this.#dropEmpty(entry);
      return;
    }
    entry.setSlice(name, facts);
    const byEndpoint = this.#byEndpoint;
    if (byEndpoint !== undefined) {
      const addresses = facts === undefined ? [] : splitAddresses(facts.addresses);
      for (const address of addresses) link(byEndpoint, address, entry);
      const kept = new Set(addresses);
      for (const address of old === undefined ? [] : splitAddresses(old.addresses)) {
        if (!kept.has(address) && !entry.hasAddress(address)) unlink(byEndpoint, address, entry);
      }
    }
    this.#dropEmpty(entry);
    this.#changed();
  }

  #endpoints(): ByAddress {
    if (this.#byEndpoint !== undefined) return this.#byEndpoint;
    const byEndpoint: ByAddress = new Map();
    for (const first of this.#table.values()) {
      for (let entry: ServiceEntry | undefined = first; entry !== undefined; entry = entry.next) {
        for (const { addresses } of entry.slices) {
          for (const address of splitAddresses(addresses)) link(byEndpoint, address, entry);
        }
      }
    }
    this.#byEndpoint = byEndpoint;
    return byEndpoint;
  }

  #entry(namespace: string, name: string): ServiceEntry {
    const hash = hashOf(name, namespace);
    const first = this.#table.get(hash);
    for (let entry = first; entry !== undefined; entry = entry.next) {
      if (entry.name === name && entry.namespace === namespace) return entry;
    }
    const entry = new ServiceEntry(namespace, name);
    entry.next = first;
    this.#table.set(hash, entry);
    return entry;
  }

  #dropEmpty(entry: ServiceEntry): void {
    if (entry.facts !== undefined || entry.slices.length > 0) return;
    const hash = hashOf(entry.name, entry.namespace);
    const first = this.#table.get(hash);
    if (first === entry) {
      if (entry.next === undefined) this.#table.delete(hash);
      else this.#table.set(hash, entry.next);
      return;
    }
    for (let before = first; before !== undefined; before = before.next) {
      if (before.next === entry) before.next = entry.next;
    }
  }

  #count(namespace: string, difference: number): void {
    this.#services += difference;
    const count = (this.#namespaces.get(namespace) ?? 0) + difference;
    if (count > 0) this.#namespaces.set(namespace, count);
    else this.#namespaces.delete(namespace);
  }
}

const seed = 0x811c9dc5;
const separator = 0x2e;

function step(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, 0x01000193);
}

/** The hash with the label that starts at `at`. */
function hashLabel(hash: number, name: DnsName, at: number): number {
  const end = at + 1 + (name[at] ?? 0);
  let next = hash;
  for (let i = at + 1; i < end; i++) next = step(next, lowerByte(name[i] ?? 0));
  return step(next, separator);
}

/** The hash of a Service's two labels; Kubernetes names are ASCII in lower case. */
function hashOf(name: string, namespace: string): number {
  let hash = seed;
  for (const label of [name, namespace]) {
    for (let i = 0; i < label.length; i++) hash = step(hash, label.charCodeAt(i));
    hash = step(hash, separator);
  }
  return hash;
}

function clusterIps(facts: ServiceFacts | undefined): readonly Ip[] {
  return facts?.kind === "cluster-ip" ? facts.ips : [];
}

function listOf(entries: OneOrMore | undefined): readonly ServiceEntry[] {
  if (entries === undefined) return [];
  return entries instanceof ServiceEntry ? [entries] : entries;
}

function link(map: ByAddress, address: Ip, entry: ServiceEntry): void {
  const key = addressKey(address);
  const there = map.get(key);
  if (there === undefined) map.set(key, entry);
  else if (there !== entry && !listOf(there).includes(entry)) map.set(key, [...listOf(there), entry]);
}

function unlink(map: ByAddress, address: Ip, entry: ServiceEntry): void {
  const key = addressKey(address);
  const rest = listOf(map.get(key)).filter((other) => other !== entry);
  const [only] = rest;
  if (only === undefined) map.delete(key);
  else map.set(key, rest.length === 1 ? only : rest);
}
