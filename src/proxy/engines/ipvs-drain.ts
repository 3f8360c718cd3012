import type { Cancel, Clock, Logger } from "../../core/index.ts";
import { messageOf } from "../../core/index.ts";
import { destinationId, serverId } from "../../rules/ipvs/index.ts";
import type { Destination, ServerKey, Statement } from "../../rules/ipvs/index.ts";
import type { IpvsPort } from "./ipvs-port.ts";

interface Draining {
  readonly server: ServerKey;
  /** The server itself goes with the last of them. */
  deletesServer: boolean;
  readonly destinations: Map<string, Destination>;
}

/** How often the connections of destinations that are to go are counted, while there are any. */
const pollMs = 5000;

/**
 * Lets destinations of TCP go when their last connection has: until then they stay, without new connections. It asks only about servers
 * that have such destinations, and nothing when there are none.
 */
export class IpvsDrain {
  readonly #port: IpvsPort;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #draining = new Map<string, Draining>();
  #cancel: Cancel | undefined;

  constructor(port: IpvsPort, clock: Clock, log: Logger) {
    this.#port = port;
    this.#clock = clock;
    this.#log = log;
  }

  /** How many destinations wait for their connections to end. */
  get waiting(): number {
    return [...this.#draining.values()].reduce((sum, { destinations }) => sum + destinations.size, 0);
  }

  /** The statements with deletions turned to weight 0 where connections may be left. `settle()` is to be called when they are applied. */
  soften(statements: readonly Statement[]): readonly Statement[] {
    return statements.flatMap((statement): readonly Statement[] => {
      switch (statement.kind) {
        case "delete-destination": {
          // UDP has no end to wait for, and a client of SCTP has other paths.
          if (!("mark" in statement.server) && statement.server.protocol !== "TCP") return [statement];
          const destination = { ...statement.destination, weight: 0 };
          this.#remember(statement.server, destination);
          return [{ kind: "edit-destination", server: statement.server, destination }];
        }
        case "add-destination":
        case "edit-destination":
          this.#draining.get(serverId(statement.server))?.destinations.delete(destinationId(statement.destination));
          return [statement];
        case "add-server": {
          const entry = this.#draining.get(serverId(statement.server));
          if (entry !== undefined) entry.deletesServer = false;
          return [statement];
        }
        case "delete-server": {
          const entry = this.#draining.get(serverId(statement.server));
          if (statement.gently === true && entry !== undefined) {
            entry.deletesServer = true;
            return [];
          }
          this.#draining.delete(serverId(statement.server));
          return [statement];
        }
        case "edit-server":
        case "add-member":
        case "delete-member":
        case "add-address":
        case "delete-address":
          return [statement];
      }
    });
  }

  /** Deletes the destinations that have no connection left, and looks again later when some have. */
  async settle(): Promise<void> {
    const gone: Statement[] = [];
    for (const [id, { server, destinations, deletesServer }] of this.#draining) {
      const known = new Map(this.#port.destinations(server).map((state) => [destinationId(state), state]));
      for (const [key, destination] of destinations) {
        const state = known.get(key);
        if (state !== undefined && state.active + state.inactive > 0) continue;
        destinations.delete(key);
        if (state !== undefined) gone.push({ kind: "delete-destination", server, destination });
      }
      if (destinations.size > 0) continue;
      this.#draining.delete(id);
      if (deletesServer) gone.push({ kind: "delete-server", server });
    }
    if (gone.length > 0) await this.#port.apply([{ kind: "servers", changes: gone.flatMap(asChange) }]);
    this.#cancel?.();
    this.#cancel = this.#draining.size === 0 ? undefined : this.#clock.schedule(pollMs, () => this.#poll());
  }

  /** Waits for nothing any more: what is left keeps weight 0, and the next process lets it go. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#draining.clear();
  }

  #poll(): void {
    this.settle().catch((error: unknown) => {
      this.#log.warn("destinations of IPVS could not be let go", { error: messageOf(error) });
      this.#cancel = this.#clock.schedule(pollMs, () => this.#poll());
    });
  }

  #remember(server: ServerKey, destination: Destination): void {
    const id = serverId(server);
    const entry = this.#draining.get(id) ?? {
      server,
      destinations: new Map<string, Destination>(),
      deletesServer: false,
    };
    entry.destinations.set(destinationId(destination), destination);
    this.#draining.set(id, entry);
  }
}

/** A statement about virtual servers as it is; others are none. */
export function asChange(statement: Statement): readonly Extract<Statement, { readonly server: unknown }>[] {
  return "server" in statement ? [statement] : [];
}
