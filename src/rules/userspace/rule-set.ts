import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork, ServicePlan } from "../../model/index.ts";
import { Claims } from "./claims.ts";
import { layoutChains } from "./layout.ts";
import type { ListenerPlace } from "./layout.ts";
import { planElements } from "./plan-elements.ts";
import { render } from "./render.ts";
import { setNames } from "./statement.ts";
import type { Element, SetName, Statement } from "./statement.ts";

/** One atomic change of the kernel's rules. */
export interface Transaction {
  /** Input for `nft -f`. */
  readonly script: string;
  /** The kernel has everything already. */
  readonly isEmpty: boolean;
  /** Elements added, replaced or deleted. */
  readonly size: number;
  /** To be called when the kernel has taken the script, and only then. */
  commit(): void;
}

const families: readonly IpFamily[] = ["IPv4", "IPv6"];

/**
 * The rules that redirect the clients of all Services to the relay, and what of them the kernel has. IPv4 and IPv6 have a
 * table each; the second comes with the first Service that needs it. `setListeners` must have been called for a family before
 * anything of it is written.
 */
export class UserspaceRules {
  readonly #tables = new Map<IpFamily, FamilyTable>();
  #network: NodeNetwork;

  constructor(network: NodeNetwork = nodeNetwork()) {
    this.#network = network;
    this.#table("IPv4");
  }

  setNetwork(network: NodeNetwork): void {
    this.#network = network;
  }

  /** Where the relay listens; takes effect with the next `full` or `ground`, or with the first change of the family. */
  setListeners(family: IpFamily, place: ListenerPlace): void {
    this.#table(family).place = place;
  }

  /** The families that something is wanted of. */
  families(): readonly IpFamily[] {
    return [...this.#tables.keys()];
  }

  /** Replaces the plans of one Service; not between a transaction and its commit. */
  want(service: string, plans: readonly ServicePlan[]): void {
    for (const family of families) {
      const own = plans.filter((plan) => plan.family === family);
      if (own.length > 0 || this.#tables.has(family)) this.#table(family).want(service, own);
    }
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction {
    const names = [...services];
    return this.#join((table) => table.changes(names, this.#network));
  }

  /** Everything, over whatever is there; `recreate` also over things that stand in the way. */
  full(options: { readonly recreate?: boolean } = {}): Transaction {
    return this.#join((table) => table.full(this.#network, options.recreate === true));
  }

  /** The fixed part alone, without any element: the ground on which Services can be tried one by one. */
  ground(): Transaction {
    return this.#join((table) => table.ground(this.#network));
  }

  /** A script without any effect on packets: it fails only when nftables itself does not work. */
  probe(): string {
    return render("IPv4", [{ kind: "add-table" }]);
  }

  /** A script that removes the tables, whether they are there or not. */
  removal(): string {
    return families.map((family) => render(family, [{ kind: "delete-table" }])).join("");
  }

  /** How many elements the kernel has. */
  get installed(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.installed, 0);
  }

  #join(change: (table: FamilyTable) => Transaction): Transaction {
    const transactions = [...this.#tables.values()].map(change);
    return {
      script: transactions.map(({ script }) => script).join(""),
      isEmpty: transactions.every(({ isEmpty }) => isEmpty),
      size: transactions.reduce((sum, { size }) => sum + size, 0),
      commit: () => transactions.forEach((transaction) => transaction.commit()),
    };
  }

  #table(family: IpFamily): FamilyTable {
    const table = this.#tables.get(family) ?? new FamilyTable(family);
    this.#tables.set(family, table);
    return table;
  }
}

class FamilyTable {
  readonly #family: IpFamily;
  readonly #wanted = new Map<string, readonly ServicePlan[]>();
  /** Who wants each element; the first one has it. */
  readonly #claims = new Claims<Element>();
  /** By set and key, what the kernel has: the value, or an empty text in sets. */
  readonly #installed = new Map<string, string>();
  /** Elements of Services that changed since the last commit, by Service. */
  readonly #touched = new Map<string, Map<string, Element>>();
  place: ListenerPlace | undefined;
  #exists = false;

  constructor(family: IpFamily) {
    this.#family = family;
  }

  get installed(): number {
    return this.#installed.size;
  }

  want(service: string, plans: readonly ServicePlan[]): void {
    const before = (this.#wanted.get(service) ?? []).flatMap(planElements);
    const now = plans.flatMap(planElements);
    if (plans.length === 0) this.#wanted.delete(service);
    else this.#wanted.set(service, plans);
    const touched = this.#touched.get(service) ?? new Map<string, Element>();
    const kept = new Set<string>();
    for (const element of now) {
      const id = idOf(element);
      if (kept.has(id)) continue;
      kept.add(id);
      this.#claims.add(id, service, element);
      touched.set(id, element);
    }
    for (const element of before) {
      const id = idOf(element);
      if (kept.has(id)) continue;
      this.#claims.remove(id, service);
      touched.set(id, element);
    }
    if (touched.size > 0) this.#touched.set(service, touched);
  }

  changes(services: readonly string[], network: NodeNetwork): Transaction {
    const deletions = new Map<SetName, Element[]>();
    const additions = new Map<SetName, Element[]>();
    const effects = new Map<string, string | undefined>();
    for (const service of services) {
      for (const [id, element] of this.#touched.get(service) ?? []) {
        if (effects.has(id)) continue;
        const wanted = this.#claims.first(id);
        const installed = this.#installed.get(id);
        // A comment is not worth a change.
        if (wanted === undefined ? installed === undefined : installed === (wanted.value ?? "")) continue;
        if (installed !== undefined) push(deletions, element);
        if (wanted !== undefined) push(additions, wanted);
        effects.set(id, wanted === undefined ? undefined : (wanted.value ?? ""));
      }
    }
    const ground = this.#exists ? [] : this.#groundStatements(network);
    const statements = [
      ...ground,
      ...elementStatements("delete-elements", deletions),
      ...elementStatements("add-elements", additions),
    ];
    return this.#transaction(statements, effects.size, () => {
      for (const [id, value] of effects) {
        if (value === undefined) this.#installed.delete(id);
        else this.#installed.set(id, value);
      }
      for (const service of services) this.#touched.delete(service);
    });
  }

  full(network: NodeNetwork, recreate: boolean): Transaction {
    const additions = new Map<SetName, Element[]>();
    const installed = new Map<string, string>();
    for (const plans of this.#wanted.values()) {
      for (const plan of plans) {
        for (const element of planElements(plan)) {
          const id = idOf(element);
          if (installed.has(id)) continue;
          const wanted = this.#claims.first(id) ?? element;
          installed.set(id, wanted.value ?? "");
          push(additions, wanted);
        }
      }
    }
    const statements: readonly Statement[] = [
      ...(recreate ? [{ kind: "delete-table" } as const] : []),
      ...this.#groundStatements(network),
      ...elementStatements("add-elements", additions),
    ];
    return this.#transaction(statements, installed.size, () => {
      this.#installed.clear();
      for (const [id, value] of installed) this.#installed.set(id, value);
      this.#touched.clear();
    });
  }

  ground(network: NodeNetwork): Transaction {
    const statements: readonly Statement[] = [{ kind: "delete-table" }, ...this.#groundStatements(network)];
    return this.#transaction(statements, 0, () => {
      this.#installed.clear();
      for (const [service, plans] of this.#wanted) {
        this.#touched.set(service, new Map(plans.flatMap(planElements).map((element) => [idOf(element), element])));
      }
    });
  }

  #transaction(statements: readonly Statement[], size: number, done: () => void): Transaction {
    return {
      script: render(this.#family, statements),
      isEmpty: statements.length === 0,
      size,
      commit: () => {
        done();
        if (statements.length > 0) this.#exists = true;
      },
    };
  }

  #groundStatements(network: NodeNetwork): readonly Statement[] {
    const { place } = this;
    if (place === undefined)
      throw new Error(`the relay has no listeners for ${this.#family} yet: call setListeners first`);
    return [
      { kind: "add-table" },
      ...setNames.map((set) => ({ kind: "add-set" as const, set })),
      ...setNames.map((set) => ({ kind: "flush-set" as const, set })),
      ...layoutChains(this.#family, network, place).map((chain) => ({ kind: "set-chain" as const, chain })),
    ];
  }
}

function idOf({ set, key }: Element): string {
  return `${set} ${key}`;
}

function push(lists: Map<SetName, Element[]>, element: Element): void {
  const list = lists.get(element.set);
  if (list === undefined) lists.set(element.set, [element]);
  else list.push(element);
}

function elementStatements(
  kind: "add-elements" | "delete-elements",
  lists: ReadonlyMap<SetName, readonly Element[]>,
): readonly Statement[] {
  return [...lists].map(([set, elements]) => ({ kind, set, elements }));
}
