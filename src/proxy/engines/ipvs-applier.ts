import { ipFamilies, ipFamily } from "../../core/index.ts";
import {
  allSets,
  createSets,
  diffStates,
  groundText,
  hasGround,
  parseIpset,
  removalText,
  serverId,
  setName,
  stateOfStatements,
} from "../../rules/ipvs/index.ts";
import type { IpvsScript, IpvsState, Member, ServerKey, Statement } from "../../rules/ipvs/index.ts";
import type { RulesPort } from "../rules-port.ts";
import type { IpvsDrain } from "./ipvs-drain.ts";
import type { IpvsPort } from "./ipvs-port.ts";
import { stepsOf } from "./ipvs-steps.ts";

type Listing = Awaited<ReturnType<IpvsPort["list"]>>;

/** Carries scripts out: asks the kernel what it has where the script needs it, and groups steps by their tool. */
export class IpvsApplier implements RulesPort<IpvsScript> {
  readonly #port: IpvsPort;
  readonly #drain: IpvsDrain;
  #fingerprint: string | undefined;
  /** Servers that must be there, by id: one of them is looked at each time. */
  readonly #servers = new Map<string, ServerKey>();
  #next = this.#servers.values();

  constructor(port: IpvsPort, drain: IpvsDrain) {
    this.#port = port;
    this.#drain = drain;
  }

  async apply(wanted: IpvsScript): Promise<void> {
    switch (wanted.kind) {
      case "changes":
        await this.#change(wanted.statements);
        break;
      case "ground":
        await this.#ground(wanted);
        break;
      case "removal":
        await this.#remove();
        return;
    }
    this.#fingerprint = this.#port.fingerprint();
  }

  /** A foreign flush of IPVS, of iptables or of the device shows; one of a set alone does not. */
  isDamaged(): boolean {
    const before = this.#fingerprint;
    this.#fingerprint = this.#port.fingerprint();
    if (before !== undefined && this.#fingerprint !== before) return true;
    let next = this.#next.next();
    if (next.done === true) {
      this.#next = this.#servers.values();
      next = this.#next.next();
    }
    return next.done !== true && !this.#port.has(next.value);
  }

  close(): void {
    this.#drain.stop();
    this.#port.close();
  }

  async #change(statements: readonly Statement[]): Promise<void> {
    const steps = stepsOf(this.#drain.soften(statements));
    await this.#port.apply(steps);
    if (steps.length > 0) await this.#drain.settle();
    for (const one of statements) {
      if (one.kind === "delete-server") this.#servers.delete(serverId(one.server));
      else if (one.kind === "add-server") this.#servers.set(serverId(one.server), one.server);
    }
  }

  async #ground({ network, state, recreate }: Extract<IpvsScript, { readonly kind: "ground" }>): Promise<void> {
    if (recreate) await this.#removeRules(await this.#port.list());
    const listed = await this.#port.list();
    const present = new Set(parseIpset(listed.ipset).sets);
    const sets = ipFamilies.filter((family) => allSets.some((set) => !present.has(setName(set, family))));
    await this.#port.apply([
      { kind: "device", present: true },
      ...sets.map((family) => ({ kind: "ipset" as const, text: createSets(family) })),
      ...ipFamilies.flatMap((family) => {
        const saved = listed.iptables[family];
        if (saved === undefined || hasGround(family, network, saved)) return [];
        return [{ kind: "iptables" as const, family, text: groundText(family, network, saved) }];
      }),
    ]);
    if (state === undefined) return;
    // What the ground has changed is in no state: the listing still holds.
    await this.#change(diffStates(stateInKernel(listed, state), state));
    this.#servers.clear();
    for (const [id, { server }] of state.servers) this.#servers.set(id, server);
  }

  async #remove(): Promise<void> {
    this.#drain.stop();
    const nothing = stateOfStatements([]);
    const listed = await this.#port.list();
    const own = stateInKernel(listed, nothing);
    await this.#port.apply([
      { kind: "servers", changes: [...own.servers.values()].map(({ server }) => ({ kind: "delete-server", server })) },
    ]);
    await this.#removeRules(listed);
    await this.#port.apply([{ kind: "device", present: false }]);
    this.#servers.clear();
    this.#fingerprint = undefined;
  }

  /** The chains first: a set that a rule names cannot be destroyed. */
  async #removeRules(listed: Listing): Promise<void> {
    const { sets } = parseIpset(listed.ipset);
    await this.#port.apply([
      ...ipFamilies.flatMap((family) => {
        const text = removalText(listed.iptables[family] ?? "");
        return text === "" ? [] : [{ kind: "iptables" as const, family, text }];
      }),
      ...(sets.length === 0
        ? []
        : [{ kind: "ipset" as const, text: sets.map((name) => `destroy ${name}\n`).join("") }]),
    ]);
  }
}

/**
 * What the kernel has of ours: the virtual servers that the set SERVICES names, which outlives this process, and those that are wanted anyway.
 * Others' are not ours to touch.
 */
function stateInKernel({ servers, ipset, addresses }: Listing, wanted: IpvsState): IpvsState {
  const { members } = parseIpset(ipset);
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
