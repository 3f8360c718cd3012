import type { Cancel, Clock, Ip, Random } from "../../core/index.ts";
import type { Scheduler } from "../../model/index.ts";
import { createAffinityTable } from "./affinity.ts";
import type { AffinityTable } from "./affinity.ts";
import { createBackend, noteEnd, noteFailure, noteSuccess } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { createPicker } from "./create-picker.ts";
import { maglev } from "./maglev.ts";
import type { Picker } from "./picker.ts";
import { endpointsIn } from "./port-record.ts";
import type { PortRecord, RecordedEndpoint } from "./port-record.ts";
import type { Arrival, DialFailure, DialTarget, EndpointList, RelaySession } from "./relay-port.ts";

/** How long each attempt may take, in milliseconds; after the last one the client is refused (as kube-proxy's was). */
export const dialTimeoutsMs: readonly number[] = [250, 500, 1000, 2000];

/** What a relay of one Service port was asked to do differently. */
export interface RelayOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** For Services that name none. */
  readonly scheduler?: Scheduler;
  /** Connections of an endpoint that has gone are broken after this long; absent: never. UDP flows end at once. */
  readonly drainMs?: number;
}

/** The choice for one port of a Service in one family: made with the first client, kept as long as the port is there. */
export class ServicePortRelay {
  readonly #options: RelayOptions;
  #record: PortRecord;
  readonly #backends = new Map<string, Backend>();
  /** Those that have gone but still have connections; with a deadline, how to call it off. */
  readonly #leaving = new Map<Backend, Cancel | undefined>();
  readonly #sessions = new Map<Backend, Set<Session>>();
  #lists: Readonly<Record<EndpointList, readonly Backend[]>> = { cluster: [], local: [] };
  #pickers: Readonly<Record<EndpointList, Picker>>;
  #affinity: AffinityTable | undefined;

  constructor(record: PortRecord, options: RelayOptions) {
    this.#options = options;
    this.#record = record;
    this.#pickers = this.#createPickers(record);
    this.#affinity = affinityOf(record);
    this.#useEndpoints(record);
  }

  get record(): PortRecord {
    return this.#record;
  }

  /** All backends with something to tell, those that are leaving included. */
  backends(): readonly Backend[] {
    return [...this.#backends.values(), ...this.#leaving.keys()];
  }

  /** Goes on with another record of the same port. Open connections stay with their endpoints. */
  update(record: PortRecord): void {
    const before = this.#record;
    this.#record = record;
    if (record.scheduler !== before.scheduler || record.affinitySeconds !== before.affinitySeconds) {
      this.#pickers = this.#createPickers(record);
    }
    if (record.affinitySeconds !== before.affinitySeconds) this.#affinity = affinityOf(record);
    this.#useEndpoints(record);
  }

  /** The port is there no more: as if all endpoints had gone. */
  end(): void {
    this.update({ ...this.#record, cluster: "", local: "", serving: "" });
  }

  /** A client has come. `undefined`: there is no endpoint for it. */
  accept({ list, client, destination }: Arrival): RelaySession | undefined {
    return this.#lists[list].length === 0 ? undefined : new Session(this, list, client, destination);
  }

  /** For sessions: chooses among those that were not tried; `retried` may be taken once more when all others failed. */
  choose(session: Session, tried: ReadonlyMap<Backend, DialFailure>): Backend | undefined {
    const backends = this.#lists[session.list];
    const now = this.#options.clock.monotonic();
    if (this.#affinity !== undefined && tried.size === 0) {
      const known = this.#affinity.find(session.client, now);
      const backend = known === undefined ? undefined : backends.find(({ key }) => key === known);
      if (backend !== undefined) return this.#take(session, backend, now);
    }
    const pick = (isUsable: (backend: Backend) => boolean): Backend | undefined =>
      this.#pickers[session.list](backends, {
        client: session.client,
        destination: session.destination,
        now,
        isUsable,
      });
    const backend =
      pick((one) => one.avoidUntil <= now && !tried.has(one)) ??
      pick((one) => !tried.has(one)) ??
      pick((one) => tried.get(one) === "timeout");
    return backend === undefined ? undefined : this.#take(session, backend, now);
  }

  failed(session: Session, backend: Backend): void {
    const now = this.#options.clock.monotonic();
    noteFailure(backend, now);
    this.#affinity?.forget(session.client);
    this.#release(session, backend, now);
  }

  connected(backend: Backend): void {
    noteSuccess(backend);
  }

  ended(session: Session, backend: Backend): void {
    this.#release(session, backend, this.#options.clock.monotonic());
  }

  #take(session: Session, backend: Backend, now: number): Backend {
    backend.active++;
    const sessions = this.#sessions.get(backend) ?? new Set();
    this.#sessions.set(backend, sessions.add(session));
    this.#affinity?.set(session.client, backend.key, now);
    return backend;
  }

  #release(session: Session, backend: Backend, now: number): void {
    const sessions = this.#sessions.get(backend);
    if (sessions?.delete(session) !== true) return;
    noteEnd(backend, now);
    if (sessions.size > 0) return;
    this.#sessions.delete(backend);
    this.#leaving.get(backend)?.();
    this.#leaving.delete(backend);
  }

  #useEndpoints(record: PortRecord): void {
    const lists = { cluster: endpointsIn(record.cluster), local: endpointsIn(record.local) };
    const wanted = new Map([...lists.cluster, ...lists.local].map((endpoint) => [endpoint.key, endpoint]));
    const serving = new Set(endpointsIn(record.serving).map(({ key }) => key));
    for (const [key, backend] of this.#backends) {
      if (wanted.has(key)) continue;
      this.#backends.delete(key);
      if (this.#sessions.has(backend)) this.#leaving.set(backend, undefined);
    }
    for (const [backend, cancel] of this.#leaving) {
      if (wanted.has(backend.key)) {
        cancel?.();
        this.#leaving.delete(backend);
        this.#backends.set(backend.key, backend);
      } else if (cancel === undefined && !serving.has(backend.key)) this.#drain(backend, record);
    }
    let isSame = true;
    for (const [key, { ip, port, weight }] of wanted) {
      const known = this.#backends.get(key);
      if (known?.weight === weight) continue;
      isSame = false;
      if (known === undefined) this.#backends.set(key, createBackend(ip, port, weight));
      else known.weight = weight;
    }
    this.#lists = {
      cluster: this.#listOf(lists.cluster, this.#lists.cluster, isSame),
      local: this.#listOf(lists.local, this.#lists.local, isSame),
    };
  }

  /** The same array as before when nothing is different: pickers keep their tables then. */
  #listOf(
    endpoints: readonly RecordedEndpoint[],
    before: readonly Backend[],
    sameWeights: boolean,
  ): readonly Backend[] {
    const list = endpoints.flatMap(({ key }) => this.#backends.get(key) ?? []);
    const isSame = sameWeights && list.length === before.length && list.every((one, index) => one === before[index]);
    return isSame ? before : list;
  }

  /** A TCP connection may go on: whoever is at its other end decides. A UDP client would never notice that nobody hears. */
  #drain(backend: Backend, { protocol }: PortRecord): void {
    const { drainMs, clock } = this.#options;
    const breakAll = (): void => {
      for (const session of this.#sessions.get(backend) ?? []) session.break();
    };
    if (protocol === "UDP") breakAll();
    else if (drainMs !== undefined) this.#leaving.set(backend, clock.schedule(drainMs, breakAll));
  }

  #createPickers(record: PortRecord): Readonly<Record<EndpointList, Picker>> {
    const scheduler = record.scheduler ?? this.#options.scheduler;
    // A client that is placed by its address comes back to the same endpoint also when the table has been lost, as
    // with a restart of the agent.
    const create = (): Picker =>
      scheduler === undefined && record.affinitySeconds !== undefined
        ? maglev()
        : createPicker(scheduler ?? "wrr", this.#options.random);
    return { cluster: create(), local: create() };
  }
}

class Session implements RelaySession {
  readonly list: EndpointList;
  readonly client: Ip;
  readonly destination: Ip;
  readonly #relay: ServicePortRelay;
  readonly #tried = new Map<Backend, DialFailure>();
  #attempts = 0;
  #backend: Backend | undefined;
  #break: (() => void) | undefined;

  constructor(relay: ServicePortRelay, list: EndpointList, client: Ip, destination: Ip) {
    this.#relay = relay;
    this.list = list;
    this.client = client;
    this.destination = destination;
  }

  next(): DialTarget | undefined {
    const timeoutMs = dialTimeoutsMs[this.#attempts++];
    if (timeoutMs === undefined) return undefined;
    this.#backend = this.#relay.choose(this, this.#tried);
    if (this.#backend === undefined) return undefined;
    return { ip: this.#backend.ip, port: this.#backend.port, timeoutMs };
  }

  failed(why: DialFailure): void {
    const backend = this.#backend;
    if (backend === undefined) return;
    this.#backend = undefined;
    this.#tried.set(backend, why);
    this.#relay.failed(this, backend);
  }

  connected(): void {
    if (this.#backend !== undefined) this.#relay.connected(this.#backend);
  }

  toEndpoint(bytes: number): void {
    if (this.#backend !== undefined) this.#backend.bytesToEndpoint += bytes;
  }

  toClient(bytes: number): void {
    if (this.#backend !== undefined) this.#backend.bytesToClients += bytes;
  }

  ended(): void {
    const backend = this.#backend;
    this.#backend = undefined;
    this.#break = undefined;
    if (backend !== undefined) this.#relay.ended(this, backend);
  }

  onBreak(run: () => void): void {
    this.#break = run;
  }

  break(): void {
    const run = this.#break;
    this.#break = undefined;
    run?.();
  }
}

function affinityOf({ affinitySeconds }: PortRecord): AffinityTable | undefined {
  return affinitySeconds === undefined ? undefined : createAffinityTable(affinitySeconds * 1000);
}
