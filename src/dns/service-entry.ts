import type { Ip } from "../core/index.ts";
import { dashedAddress, splitFamilies } from "./address-bytes.ts";
import { hasAddress, splitAddresses } from "./joined-addresses.ts";
import type { ServiceFacts, SliceFacts, SrvPort } from "./service-facts.ts";

const none: readonly SliceFacts[] = [];

/** The addresses under one name. */
export interface AddressSet {
  readonly v4: Uint8Array;
  readonly v6: Uint8Array;
}

/** One port of one endpoint, the endpoint by its label. */
export interface EndpointPortOf {
  readonly host: string;
  readonly port: number;
}

/**
 * All that DNS knows under one `namespace/name`: the Service and its slices, which may come in any order. What is
 * computed from the slices is computed when first asked for and dropped with the next change, so that a change
 * costs what it changes and a Service that nobody asks for costs nothing.
 */
export class ServiceEntry {
  readonly namespace: string;
  readonly name: string;
  /** The next entry with the same hash. */
  next: ServiceEntry | undefined;
  #facts: ServiceFacts | undefined;
  /** In no order; nearly always there is one. */
  slices: readonly SliceFacts[] = none;
  #clusterIps: AddressSet | undefined;
  #endpoints: AddressSet | undefined;
  #hosts: ReadonlyMap<string, AddressSet> | undefined;

  constructor(namespace: string, name: string) {
    this.namespace = namespace;
    this.name = name;
  }

  /** The Service itself; undefined while there are only slices. */
  get facts(): ServiceFacts | undefined {
    return this.#facts;
  }

  setFacts(facts: ServiceFacts | undefined): void {
    this.#facts = facts;
    this.#clusterIps = undefined;
  }

  /** Puts `facts` in the place of what the slice with this name had; without facts it is gone. */
  setSlice(name: string, facts: SliceFacts | undefined): void {
    const others = this.slices.length === 0 ? none : this.slices.filter((slice) => slice.name !== name);
    if (facts === undefined) this.slices = others.length === 0 ? none : others;
    // A list that grows has room for 16 more than it needs, in each of all Services.
    else this.slices = others.length === 0 ? [facts] : [...others, facts];
    this.#endpoints = undefined;
    this.#hosts = undefined;
  }

  /** The cluster IPs; none when the Service has none of its own. */
  clusterIps(): AddressSet {
    this.#clusterIps ??= splitFamilies(this.#facts?.kind === "cluster-ip" ? this.#facts.ips : []);
    return this.#clusterIps;
  }

  /** The addresses of all published endpoints, each once. */
  endpoints(): AddressSet {
    this.#endpoints ??= splitFamilies(this.slices.flatMap(({ addresses }) => splitAddresses(addresses)));
    return this.#endpoints;
  }

  /** The addresses of the endpoints with this label (in lower case). */
  host(label: string): AddressSet | undefined {
    this.#hosts ??= this.#makeHosts();
    return this.#hosts.get(label);
  }

  /** The labels of all endpoints. */
  hostLabels(): Iterable<string> {
    this.#hosts ??= this.#makeHosts();
    return this.#hosts.keys();
  }

  /** The labels of the endpoints with this address. */
  hostsOf(address: Ip): ReadonlySet<string> {
    const hosts = new Set<string>();
    for (const slice of this.slices) {
      if (!hasAddress(slice.addresses, address)) continue;
      for (const [i, candidate] of splitAddresses(slice.addresses).entries()) {
        if (candidate === address) hosts.add(slice.hostnames?.[i] ?? dashedAddress(address));
      }
    }
    return hosts;
  }

  /** Whether an endpoint is published. */
  get hasEndpoints(): boolean {
    for (const { addresses } of this.slices) if (addresses.length > 0) return true;
    return false;
  }

  hasAddress(address: Ip): boolean {
    for (const slice of this.slices) if (hasAddress(slice.addresses, address)) return true;
    return false;
  }

  /**
   * The endpoint ports that `matches`, each pair of label and port once, and how many there were with doubles; of one
   * `label` only when it is given.
   */
  endpointPorts(
    matches: (port: SrvPort) => boolean,
    label?: string,
  ): { readonly list: readonly EndpointPortOf[]; readonly matched: number } {
    const distinct = new Map<string, EndpointPortOf>();
    let matched = 0;
    for (const slice of this.slices) {
      for (const { port } of slice.ports.filter(matches)) {
        for (const [i, address] of splitAddresses(slice.addresses).entries()) {
          const host = slice.hostnames?.[i] ?? dashedAddress(address);
          if (label !== undefined && host !== label) continue;
          distinct.set(`${host}:${port}`, { host, port });
          matched++;
        }
      }
    }
    return { list: [...distinct.values()], matched };
  }

  /** The addresses of the endpoints that have a port which `matches`. */
  endpointsWithPort(matches: (port: SrvPort) => boolean): AddressSet {
    const slices = this.slices.filter(({ ports }) => ports.some(matches));
    return splitFamilies(slices.flatMap(({ addresses }) => splitAddresses(addresses)));
  }

  #makeHosts(): ReadonlyMap<string, AddressSet> {
    const lists = new Map<string, Ip[]>();
    for (const slice of this.slices) {
      for (const [i, address] of splitAddresses(slice.addresses).entries()) {
        const label = slice.hostnames?.[i] ?? dashedAddress(address);
        const list = lists.get(label);
        if (list === undefined) lists.set(label, [address]);
        else list.push(address);
      }
    }
    return new Map([...lists].map(([label, list]) => [label, splitFamilies(list)]));
  }
}
