import type { IpFamily, Port } from "../../core/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { Claims } from "../../rules/userspace/index.ts";
import type { Arrival, RelaySession } from "./relay-port.ts";
import { ServicePortRelay } from "./service-port-relay.ts";
import type { RelayOptions } from "./service-port-relay.ts";

/** What one endpoint of a Service port has carried. */
export interface RelayCounters {
  readonly service: string;
  readonly portName: string;
  readonly family: IpFamily;
  readonly protocol: "TCP" | "UDP";
  /** Address and port, as `10.244.1.2:8080` or `[fd00::2]:8080`. */
  readonly endpoint: string;
  /** Open now. */
  readonly active: number;
  readonly connections: number;
  readonly failedDials: number;
  readonly bytesToEndpoint: number;
  readonly bytesToClients: number;
}

/** Finds the Service port that a client came for. Costs nothing for Services that nobody uses but their names in a map. */
export class RelayRouter {
  readonly #options: RelayOptions;
  readonly #plans = new Map<string, readonly ServicePlan[]>();
  readonly #entries = new Claims<ServicePlan>();
  readonly #relays = new Map<string, ServicePortRelay>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Replaces the plans of a Service; an empty list removes it. */
  set(service: string, plans: readonly ServicePlan[]): void {
    const before = this.#plans.get(service) ?? [];
    if (before === plans) return;
    const own = plans.filter(({ protocol }) => protocol !== "SCTP");
    const keys = new Set<string>();
    for (const plan of own) {
      for (const key of entriesOf(plan)) {
        keys.add(key);
        this.#entries.add(key, service, plan);
      }
    }
    for (const plan of before)
      for (const key of entriesOf(plan)) if (!keys.has(key)) this.#entries.remove(key, service);
    if (own.length === 0) this.#plans.delete(service);
    else this.#plans.set(service, own);
    this.#updateRelays(before, own);
  }

  /** Who serves a client that has come. */
  accept(arrival: Arrival): RelaySession | undefined {
    const { protocol, destination, port } = arrival;
    const plan =
      this.#entries.first(addressEntry(protocol, destination, port)) ??
      this.#entries.first(nodePortEntry(protocol, destination.includes(":") ? "IPv6" : "IPv4", port));
    if (plan === undefined) return undefined;
    const id = relayId(plan);
    let relay = this.#relays.get(id);
    if (relay === undefined) {
      relay = new ServicePortRelay(plan, this.#options);
      this.#relays.set(id, relay);
    }
    return relay.accept(arrival);
  }

  /** What the endpoints of Services that were used have carried. */
  *counters(): IterableIterator<RelayCounters> {
    for (const relay of this.#relays.values()) {
      const { service, portName, family, protocol } = relay.plan;
      for (const { ip, port, active, connections, failedDials, bytesToEndpoint, bytesToClients } of relay.backends()) {
        const endpoint = family === "IPv6" ? `[${ip}]:${port}` : `${ip}:${port}`;
        const numbers = { active, connections, failedDials, bytesToEndpoint, bytesToClients };
        yield { service, portName, family, protocol: protocol === "UDP" ? "UDP" : "TCP", endpoint, ...numbers };
      }
    }
  }

  #updateRelays(before: readonly ServicePlan[], plans: readonly ServicePlan[]): void {
    const ids = new Set<string>();
    for (const plan of plans) {
      const id = relayId(plan);
      ids.add(id);
      this.#relays.get(id)?.update(plan);
    }
    for (const plan of before) {
      const id = relayId(plan);
      if (ids.has(id)) continue;
      this.#relays.get(id)?.end();
      this.#relays.delete(id);
    }
  }
}

function relayId({ service, portName, protocol, family }: ServicePlan): string {
  return `${service}:${portName} ${protocol} ${family}`;
}

function entriesOf(plan: ServicePlan): readonly string[] {
  const { protocol, family, port, nodePort } = plan;
  const addresses = [plan.clusterIP, ...plan.loadBalancerIPs, ...plan.externalIPs];
  const entries = addresses.map((address) => addressEntry(protocol, address, port));
  return nodePort === undefined ? entries : [...entries, nodePortEntry(protocol, family, nodePort)];
}

function addressEntry(protocol: string, address: string, port: Port): string {
  return `${address} ${protocol} ${port}`;
}

function nodePortEntry(protocol: string, family: IpFamily, port: Port): string {
  return `${family} ${protocol} ${port}`;
}
