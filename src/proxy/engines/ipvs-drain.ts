import { messageOf } from "../../core/index.ts";
import type { Cancel, Clock, Ip, Logger } from "../../core/index.ts";
import { destinationId, render, serverId } from "../../rules/ipvs/index.ts";
import type { Destination, ServerKey, Statement } from "../../rules/ipvs/index.ts";
import type { IpvsPort } from "./ipvs-port.ts";
import { stepsOf } from "./ipvs-steps.ts";

/** What it asks the kernel and tells it. */
export interface DrainPort extends Pick<IpvsPort, "apply" | "destinations"> {
  /** Runs something while nobody else changes the kernel. */
  alone(run: () => Promise<void>): Promise<void>;
}

interface Draining {
  readonly server: ServerKey;
  readonly destinations: Map<string, Destination>;
  /** The server goes with the last of them. */
  deletesServer: boolean;
  /** Its Service is gone: only connections that are open count, those that are closing do not. */
  isGone: boolean;
}

/** What it is made from. */
export interface DrainOptions {
  readonly port: DrainPort;
  readonly clock: Clock;
  /** Whether destinations that are removed from a server that stays wait for their connections. */
  readonly keepsRemoved: boolean;
  readonly log: Logger;
}

/** How often the connections of destinations that are to go are counted, while there are any. */
const pollMs = 5000;

/**
 * Lets destinations of TCP go when their last connection has: until then they stay, without new connections. The same for all of a Service
 * that is gone: its address stays as long as somebody is connected to it. It asks only about servers that have such destinations, and
 * nothing when there are none.
 */
export class IpvsDrain {
  readonly #port: DrainPort;
  readonly #clock: Clock;
  readonly #keepsRemoved: boolean;
  readonly #log: Logger;
  readonly #draining = new Map<string, Draining>();
  /** Deletions that wait for the last connection to an address, each with what it deletes. */
  readonly #held = new Map<string, { readonly ip: Ip; readonly statement: Statement }>();
  #cancel: Cancel | undefined;

  constructor({ port, clock, keepsRemoved, log }: DrainOptions) {
    this.#port = port;
    this.#clock = clock;
    this.#keepsRemoved = keepsRemoved;
    this.#log = log;
  }

  /** How many destinations wait for their connections to end. */
  get waiting(): number {
    return [...this.#draining.values()].reduce((sum, { destinations }) => sum + destinations.size, 0);
  }

  /** The statements with deletions turned to weight 0 where connections may be left. `settle()` is to be called when they are applied. */
  soften(statements: readonly Statement[]): readonly Statement[] {
    const isNothingWaiting = this.#draining.size === 0 && this.#held.size === 0;
    if (isNothingWaiting && !statements.some(({ kind }) => kind.startsWith("delete"))) return statements;
    const softened = statements.flatMap((statement) => this.#soften(statement));
    const ips = this.#addressesInUse();
    return softened.filter((statement) => {
      const ip = ips.find((one) => isAbout(statement, one));
      if (ip === undefined) return true;
      this.#held.set(placeOf(statement), { ip, statement });
      return false;
    });
  }

  /**
   * Deletes the destinations that have no connection left, and looks again later when some have. Nobody else may change the kernel meanwhile. What
   * cannot be deleted now is tried again later: nobody waits for it.
   */
  async settle(): Promise<void> {
    this.#cancel?.();
    try {
      await this.#letGo();
    } catch (error) {
      this.#log.warn("destinations of IPVS could not be let go", { error: messageOf(error) });
    }
    const isWaiting = this.#draining.size > 0 || this.#held.size > 0;
    this.#cancel = isWaiting
      ? this.#clock.schedule(pollMs, () => void this.#port.alone(() => this.settle()))
      : undefined;
  }

  /** Waits for nothing any more: what is left keeps weight 0, and whoever compares the kernel with what is wanted lets it go. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#draining.clear();
    this.#held.clear();
  }

  async #letGo(): Promise<void> {
    const gone: Statement[] = [];
    const done: (() => void)[] = [];
    const over = new Set<Draining>();
    for (const [id, entry] of this.#draining) {
      const { server, destinations } = entry;
      const known = new Map(this.#port.destinations(server).map((state) => [destinationId(state), state]));
      let left = destinations.size;
      for (const [key, destination] of destinations) {
        const state = known.get(key);
        if (state !== undefined && state.active + (entry.isGone ? 0 : state.inactive) > 0) continue;
        left--;
        done.push(() => void destinations.delete(key));
        if (state !== undefined) gone.push({ kind: "delete-destination", server, destination });
      }
      if (left > 0) continue;
      over.add(entry);
      done.push(() => void this.#draining.delete(id));
      if (entry.deletesServer) gone.push({ kind: "delete-server", server });
    }
    const ips = this.#addressesInUse(over);
    for (const [place, { ip, statement }] of this.#held) {
      if (ips.includes(ip)) continue;
      done.push(() => void this.#held.delete(place));
      gone.push(statement);
    }
    if (gone.length > 0) await this.#port.apply([...stepsOf(gone)]);
    for (const finish of done) finish();
  }

  #soften(statement: Statement): readonly Statement[] {
    switch (statement.kind) {
      case "delete-destination": {
        if (!this.#keepsRemoved || !isGentle(statement.server)) return [statement];
        const destination = { ...statement.destination, weight: 0 };
        this.#entry(statement.server).destinations.set(destinationId(destination), destination);
        return [{ kind: "edit-destination", server: statement.server, destination }];
      }
      case "delete-server":
        return this.#softenServer(statement);
      case "add-destination":
      case "edit-destination":
        this.#draining.get(serverId(statement.server))?.destinations.delete(destinationId(statement.destination));
        return [statement];
      case "add-server": {
        const entry = this.#draining.get(serverId(statement.server));
        if (entry !== undefined) Object.assign(entry, { deletesServer: false, isGone: false });
        return [statement];
      }
      case "add-member":
      case "add-address":
        this.#held.delete(placeOf(statement));
        return [statement];
      case "edit-server":
      case "delete-member":
      case "delete-address":
        return [statement];
    }
  }

  #softenServer(statement: Extract<Statement, { readonly kind: "delete-server" }>): readonly Statement[] {
    const { server, gently = false } = statement;
    const entry = this.#draining.get(serverId(server));
    if (gently) {
      if (entry === undefined) return [statement];
      entry.deletesServer = true;
      return [];
    }
    const left = isGentle(server) && !("mark" in server) ? this.#port.destinations(server) : [];
    if (left.every(({ active }) => active === 0)) {
      this.#draining.delete(serverId(server));
      return [statement];
    }
    const { destinations } = Object.assign(this.#entry(server), { deletesServer: true, isGone: true });
    return left.map(({ ip, port }) => {
      const destination = { ip, port, weight: 0 };
      destinations.set(destinationId(destination), destination);
      return { kind: "edit-destination", server, destination };
    });
  }

  #entry(server: ServerKey): Draining {
    const id = serverId(server);
    const fresh = { server, destinations: new Map<string, Destination>(), deletesServer: false, isGone: false };
    const entry: Draining = this.#draining.get(id) ?? fresh;
    this.#draining.set(id, entry);
    return entry;
  }

  /** Addresses of Services that are gone and still have connections. */
  #addressesInUse(over: ReadonlySet<Draining> = new Set()): readonly Ip[] {
    return [...this.#draining.values()].flatMap((entry) =>
      entry.isGone && "ip" in entry.server && !over.has(entry) ? entry.server.ip : [],
    );
  }
}

/** UDP has no end to wait for, and a client of SCTP has other paths. */
function isGentle(server: ServerKey): boolean {
  return "mark" in server || server.protocol === "TCP";
}

/** Whether a statement would close an address: takes it from the node, or from the sets that say whose it is. */
function isAbout(statement: Statement, ip: Ip): boolean {
  if (statement.kind === "delete-address") return statement.ip === ip;
  if (statement.kind !== "delete-member") return false;
  const { set, element } = statement.member;
  return set === "VIPS" ? element === ip : set === "SERVICES" && element.startsWith(`${ip},`);
}

/** What a statement adds or deletes, equal for both. */
function placeOf(statement: Statement): string {
  if (statement.kind === "add-address" || statement.kind === "delete-address") return statement.ip;
  if (statement.kind !== "add-member" && statement.kind !== "delete-member") return render(statement);
  const { set, family, element } = statement.member;
  return `${set} ${family} ${element}`;
}
