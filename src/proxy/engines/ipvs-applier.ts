import { ipFamilies, ipFamily, oneAtATime } from "../../core/index.ts";
import type { Clock, Ip, Logger } from "../../core/index.ts";
import {
  destinationId,
  diffStates,
  groundText,
  hasGround,
  membersOf,
  removalText,
  serverId,
  setDefinitions,
  setPrefix,
  stateOfStatements,
} from "../../rules/ipvs/index.ts";
import type { IpvsScript, IpvsState, Member, ServerKey, ServerState, Statement } from "../../rules/ipvs/index.ts";
import type { Notice } from "../engine.ts";
import type { RulesPort } from "../rules-port.ts";
import { IpvsDrain } from "./ipvs-drain.ts";
import type { IpvsPort, IpvsStep } from "./ipvs-port.ts";
import { SetSizes } from "./ipvs-set-sizes.ts";
import { stepsOf } from "./ipvs-steps.ts";

const ownSets = ipFamilies.flatMap(setDefinitions).map(({ name }) => name);

type Listing = Awaited<ReturnType<IpvsPort["list"]>>;

/** So many virtual servers are compared with what the kernel has of them at each look: some microseconds each. */
const serversAtOnce = 16;

/** What an applier is made from. */
export interface IpvsApplierOptions {
  readonly port: IpvsPort;
  readonly clock: Clock;
  /** Destinations that are removed go at once, whoever is connected to them. */
  readonly resetRemoved: boolean;
  readonly log: Logger;
}

/** Carries scripts out: asks the kernel what it has where the script needs it, and groups steps by their tool. */
export class IpvsApplier implements RulesPort<IpvsScript> {
  readonly #port: IpvsPort;
  readonly #drain: IpvsDrain;
  readonly #sets = new SetSizes();
  /** Of rules and device, as the last full write left them; undefined before it. */
  #fingerprint: string | undefined;
  #useCount = "";
  /** Servers that must be there, by id. */
  readonly #servers = new Map<string, ServerState>();
  #next = this.#servers.values();
  /** Whether there may be more than is wanted: the ground was laid without a look at the rest. */
  #mayHaveMore = false;
  /** What was asked of the kernel must still be so when it is told something. */
  readonly #alone = oneAtATime();

  constructor({ port, clock, resetRemoved, log }: IpvsApplierOptions) {
    this.#port = port;
    const drained = {
      apply: (steps: readonly IpvsStep[]) => this.#tell(steps),
      destinations: (server: ServerKey) => port.destinations(server),
      alone: this.#alone,
    };
    this.#drain = new IpvsDrain({ port: drained, clock, keepsRemoved: !resetRemoved, log });
  }

  apply(wanted: IpvsScript): Promise<void> {
    return this.#alone(() => this.#carryOut(wanted));
  }

  async #carryOut(wanted: IpvsScript): Promise<void> {
    switch (wanted.kind) {
      case "changes":
        await this.#change(wanted.statements);
        this.#expect(wanted);
        break;
      case "ground":
        await this.#ground(wanted);
        this.#fingerprint = this.#port.fingerprint();
        this.#sets.refer(this.#port.setHeaders(setPrefix));
        break;
      case "removal":
        return this.#remove();
    }
    this.#useCount = this.#port.useCount();
  }

  /**
   * Lets calls of the node's own processes outlive the addresses of Services. The kernel gives such a call the very address that it goes to as its source,
   * also where another mode's rules decide already where it ends; with the address gone its answers would find nobody.
   */
  retire(): Promise<void> {
    return this.#alone(async () => {
      const { addresses } = await this.#port.list(setPrefix);
      await this.#port.apply([{ kind: "sources", addresses }]);
    });
  }

  /**
   * A change of rules or of the device shows in the fingerprint, a flush of rules also in how many of them name the sets, one of sets in their sizes; that virtual servers are gone in how many hold the kernel's
   * module, and then all are looked for. Each look also compares some servers with their destinations and asks whether packets to them still come in, so that others' changes of these show after a while.
   */
  look(): Notice {
    if (this.#fingerprint === undefined) return "nothing";
    if (this.#mayHaveMore) return "changes";
    const fingerprint = this.#port.fingerprint();
    const isSame = fingerprint === this.#fingerprint;
    this.#fingerprint = fingerprint;
    const useCount = this.#port.useCount();
    const isComplete = useCount === this.#useCount || this.#hasAllServers();
    this.#useCount = useCount;
    const isWhole = isComplete && this.#sets.are(this.#port.setHeaders(setPrefix)) && this.#areServing();
    if (!isWhole) return "damage";
    return isSame ? "nothing" : "changes";
  }

  close(): void {
    this.#drain.stop();
    this.#port.close();
  }

  #hasAllServers(): boolean {
    const present = new Set(this.#port.servers().map(serverId));
    for (const id of this.#servers.keys()) if (!present.has(id)) return false;
    return true;
  }

  #areServing(): boolean {
    const addresses: Ip[] = [];
    for (let looked = 0; looked < Math.min(serversAtOnce, this.#servers.size); looked++) {
      let next = this.#next.next();
      if (next.done === true) {
        this.#next = this.#servers.values();
        next = this.#next.next();
      }
      if (next.done === true) break;
      const { server, destinations } = next.value;
      if ("ip" in server) addresses.push(server.ip);
      const weights = new Map(this.#port.destinations(server).map((one) => [destinationId(one), one.weight]));
      for (const [id, { weight }] of destinations) if (weights.get(id) !== weight) return false;
    }
    return this.#port.areOwn(addresses);
  }

  #expect({ statements, servers }: Extract<IpvsScript, { readonly kind: "changes" }>): void {
    for (const one of statements) if (one.kind === "delete-server") this.#servers.delete(serverId(one.server));
    for (const [id, state] of servers) this.#servers.set(id, state);
  }

  async #tell(steps: Iterable<IpvsStep>): Promise<void> {
    for (const step of steps) {
      await this.#port.apply([step]);
      this.#sets.applied(step);
    }
  }

  async #change(statements: readonly Statement[]): Promise<void> {
    await this.#tell(stepsOf(this.#drain.soften(statements)));
    if (statements.length > 0) await this.#drain.settle();
  }

  async #ground({ network, state, recreate }: Extract<IpvsScript, { readonly kind: "ground" }>): Promise<void> {
    if (recreate) await this.#removeRules(await this.#port.list(setPrefix));
    const listed = await this.#port.list(setPrefix);
    this.#sets.note(listed.sets);
    const present = new Set(listed.sets.map(({ name }) => name));
    const missing = ipFamilies.flatMap(setDefinitions).filter(({ name }) => !present.has(name));
    await this.#tell([
      { kind: "device", present: true },
      { kind: "sets", create: missing, destroy: [] },
      ...ipFamilies.flatMap((family) => {
        const saved = listed.iptables[family];
        if (saved === undefined || hasGround(family, network, saved)) return [];
        return [{ kind: "iptables" as const, family, text: groundText(family, network, saved) }];
      }),
    ]);
    this.#servers.clear();
    this.#mayHaveMore = state === undefined;
    if (state === undefined) return;
    // What waits for connections is in the listing, and is let go once more when it is still to go.
    this.#drain.stop();
    // What the ground has changed is in no state: the listing still holds.
    await this.#change(diffStates(stateInKernel(listed, state), state));
    for (const [id, server] of state.servers) this.#servers.set(id, server);
  }

  async #remove(): Promise<void> {
    this.#drain.stop();
    this.#fingerprint = undefined;
    const listed = await this.#port.list(setPrefix);
    const own = stateInKernel(listed, stateOfStatements([]));
    await this.#tell([
      { kind: "servers", changes: [...own.servers.values()].map(({ server }) => ({ kind: "delete-server", server })) },
    ]);
    await this.#removeRules(listed);
    await this.#port.apply([{ kind: "device", present: false }]);
    this.#servers.clear();
  }

  /** The chains first: a set that a rule names cannot be destroyed. */
  async #removeRules(listed: Listing): Promise<void> {
    await this.#tell([
      ...ipFamilies.flatMap((family) => {
        const text = removalText(listed.iptables[family] ?? "");
        return text === "" ? [] : [{ kind: "iptables" as const, family, text }];
      }),
      { kind: "sets", create: [], destroy: ownSets.filter((name) => listed.sets.some((set) => set.name === name)) },
    ]);
  }
}

/**
 * What the kernel has of ours: the virtual servers that the set SERVICES names, which outlives this process, and those that are wanted anyway.
 * Others' are not ours to touch.
 */
function stateInKernel({ servers, sets, addresses }: Listing, wanted: IpvsState): IpvsState {
  const members = membersOf(sets);
  const ours = new Set(members.flatMap((member) => idsOf(member)));
  const isOurs = (server: ServerKey): boolean => wanted.servers.has(serverId(server)) || ours.has(idOf(server));
  return stateOfStatements([
    ...servers
      .filter(({ server }) => isOurs(server))
      .flatMap(({ server, destinations }): readonly Statement[] => [
        { kind: "add-server", server },
        ...destinations.map((destination) => ({ kind: "add-destination" as const, server, destination })),
      ]),
    ...members.map((member) => ({ kind: "add-member" as const, member })),
    ...addresses.map((ip) => ({ kind: "add-address" as const, ip })),
  ]);
}

/** The servers that a member of a set says are ours. */
function idsOf({ set, family, element, mark }: Member): readonly string[] {
  if (set === "SERVICES") return [`${family} ${element}`];
  return mark === undefined ? [] : [serverId({ mark, family })];
}

function idOf(key: ServerKey): string {
  if ("mark" in key) return serverId(key);
  return `${ipFamily(key.ip)} ${key.ip},${key.protocol.toLowerCase()}:${key.port}`;
}
