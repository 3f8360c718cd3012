import type { IpFamily } from "../../core/index.ts";
import type { ServicePlan } from "../../model/index.ts";
import { EntryTable } from "./entry-table.ts";
import { addressEntry, entriesOf, nodePortEntry, portRecord, recordId } from "./port-record.ts";
import type { PortRecord } from "./port-record.ts";
import type { Arrival, RelayProtocol, RelaySession } from "./relay-port.ts";
import { ServicePortRelay } from "./service-port-relay.ts";
import type { RelayOptions } from "./service-port-relay.ts";

/** What one endpoint of a Service port has carried. */
export interface RelayCounters {
  readonly service: string;
  readonly portName: string;
  readonly family: IpFamily;
  readonly protocol: RelayProtocol;
  /** Address and port, as `10.244.1.2:8080` or `[fd00::2]:8080`. */
  readonly endpoint: string;
  /** Open now. */
  readonly active: number;
  readonly connections: number;
  readonly failedDials: number;
  readonly bytesToEndpoint: number;
  readonly bytesToClients: number;
}

/** Finds the Service port that a client came for. Services that nobody calls cost a record and their entries in a map. */
export class RelayRouter {
  readonly #options: RelayOptions;
  readonly #records = new Map<string, readonly PortRecord[]>();
  readonly #entries = new EntryTable<PortRecord>();
  readonly #relays = new Map<string, ServicePortRelay>();

  constructor(options: RelayOptions) {
    this.#options = options;
  }

  /** Replaces the plans of a Service; an empty list removes it. */
  set(service: string, plans: readonly ServicePlan[]): void {
    const before = this.#records.get(service) ?? [];
    const now = plans.flatMap((plan) => portRecord(plan) ?? []);
    const kept = new Set<string>();
    for (const record of now) {
      for (const entry of entriesOf(record)) {
        kept.add(entry);
        this.#entries.add(entry, record);
      }
    }
    for (const record of before) {
      for (const entry of entriesOf(record)) if (!kept.has(entry)) this.#entries.remove(entry, service);
    }
    if (now.length === 0) this.#records.delete(service);
    else this.#records.set(service, now);
    this.#updateRelays(before, now);
  }

  /** Who serves a client that has come. */
  accept(arrival: Arrival): RelaySession | undefined {
    const { protocol, destination, port } = arrival;
    const record =
      this.#entries.first(addressEntry(protocol, destination, port)) ??
      this.#entries.first(nodePortEntry(protocol, destination.includes(":") ? "IPv6" : "IPv4", port));
    if (record === undefined) return undefined;
    const id = recordId(record);
    let relay = this.#relays.get(id);
    if (relay === undefined) {
      relay = new ServicePortRelay(record, this.#options);
      this.#relays.set(id, relay);
    }
    return relay.accept(arrival);
  }

  /** What the endpoints of Services that were used have carried. */
  *counters(): IterableIterator<RelayCounters> {
    for (const relay of this.#relays.values()) {
      const { service, portName, family, protocol } = relay.record;
      for (const { ip, port, active, connections, failedDials, bytesToEndpoint, bytesToClients } of relay.backends()) {
        const endpoint = family === "IPv6" ? `[${ip}]:${port}` : `${ip}:${port}`;
        const numbers = { active, connections, failedDials, bytesToEndpoint, bytesToClients };
        yield { service, portName, family, protocol, endpoint, ...numbers };
      }
    }
  }

  #updateRelays(before: readonly PortRecord[], now: readonly PortRecord[]): void {
    const ids = new Set<string>();
    for (const record of now) {
      const id = recordId(record);
      ids.add(id);
      this.#relays.get(id)?.update(record);
    }
    for (const record of before) {
      const id = recordId(record);
      if (ids.has(id)) continue;
      this.#relays.get(id)?.end();
      this.#relays.delete(id);
    }
  }
}
