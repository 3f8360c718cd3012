import type { Ip } from "../core/index.ts";
import { addressOfLabel, dashedAddress, splitFamilies } from "./address-bytes.ts";
import { hasAddress, splitAddresses } from "./joined-addresses.ts";
import type { ServiceFacts, SliceFacts, SrvPort } from "./service-facts.ts";

const none: readonly SliceFacts[] = [];

/** The addresses under one name. */
export interface AddressSet {
  readonly v4: Uint8Array;
  readonly v6: Uint8Array;
}

/** What endpoints with the same label have in common. */
export interface LabelledEndpoints {
  readonly addresses: readonly Ip[];
  /** The asked ports of these endpoints, each once. */
  readonly ports: readonly number[];
}

/**
 * All that DNS knows under one `namespace/name`: the Service and its slices, which may come in any order. Its addresses are
 * computed when first asked for and dropped with the next change, so that a change costs what it changes and a Service that
 * nobody asks for costs nothing. What is known of single endpoints is computed for each question: kept, it would take a third
 * as much as everything else together, and it is a tenth of the work of such an answer.
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
    const spelled = addressOfLabel(label);
    const dashed = spelled !== undefined && dashedAddress(spelled) === label ? spelled : undefined;
    const found: Ip[] = [];
    for (const { addresses, hostnames } of this.slices) {
      const mayBeDashed = dashed !== undefined && hasAddress(addresses, dashed);
      if (hostnames === undefined) {
        if (mayBeDashed) found.push(dashed);
      } else if (mayBeDashed || hostnames.includes(label)) {
        for (const [i, address] of splitAddresses(addresses).entries()) {
          if ((hostnames[i] ?? dashedAddress(address)) === label) found.push(address);
        }
      }
    }
    return found.length === 0 ? undefined : splitFamilies(found);
  }

  /** The labels of all endpoints. */
  hostLabels(): Iterable<string> {
    return this.endpointPorts(() => false).hosts.keys();
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
   * The endpoints by their labels, of one `label` only when it is given, with the ports that `matches`; and how many such ports
   * there were with doubles.
   */
  endpointPorts(
    matches: (port: SrvPort) => boolean,
    label?: string,
  ): { readonly hosts: ReadonlyMap<string, LabelledEndpoints>; readonly matched: number } {
    const hosts = new Map<string, { readonly addresses: Ip[]; readonly ports: number[] }>();
    let matched = 0;
    for (const slice of this.slices) {
      const ports = slice.ports.filter(matches);
      for (const [i, address] of splitAddresses(slice.addresses).entries()) {
        const host = slice.hostnames?.[i] ?? dashedAddress(address);
        if (label !== undefined && host !== label) continue;
        matched += ports.length;
        const known = hosts.get(host);
        if (known === undefined) {
          hosts.set(host, { addresses: [address], ports: distinctPorts(ports) });
          continue;
        }
        known.addresses.push(address);
        for (const { port } of ports) if (!known.ports.includes(port)) known.ports.push(port);
      }
    }
    return { hosts, matched };
  }

  /** The addresses of the endpoints that have a port which `matches`. */
  endpointsWithPort(matches: (port: SrvPort) => boolean): AddressSet {
    const slices = this.slices.filter(({ ports }) => ports.some(matches));
    return splitFamilies(slices.flatMap(({ addresses }) => splitAddresses(addresses)));
  }
}

/** The numbers of ports, each once. */
export function distinctPorts(ports: readonly SrvPort[]): number[] {
  const numbers = ports.map(({ port }) => port);
  return numbers.length < 2 ? numbers : [...new Set(numbers)];
}
