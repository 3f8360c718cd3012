import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork, ServicePlan } from "../../model/index.ts";
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

/**
 * The elements of one family. A Service's are kept as one text each (`elementText`), and what the kernel has of it as the
 * same list: 50,000 Services cost little, and work is proportional to the Services that changed.
 */
class FamilyTable {
  readonly #family: IpFamily;
  readonly #wanted = new Map<string, readonly string[]>();
  readonly #written = new Map<string, readonly string[]>();
  /** Who wants an element that two Services may want, which is all but those of cluster IPs. The first one has it. */
  readonly #claims = new Map<string, readonly string[]>();
  /** Services whose elements are others because another Service gave one back. */
  readonly #disturbed = new Set<string>();
  place: ListenerPlace | undefined;
  #exists = false;
  #installed = 0;

  constructor(family: IpFamily) {
    this.#family = family;
  }

  get installed(): number {
    return this.#installed;
  }

  want(service: string, plans: readonly ServicePlan[]): void {
    const before = this.#wanted.get(service) ?? none;
    const now = [...new Set(plans.flatMap((plan) => planElements(plan).map(elementText)))];
    if (now.length === 0) this.#wanted.delete(service);
    else this.#wanted.set(service, now);
    const clusterIPs = new Set<string>(plans.map(({ clusterIP }) => clusterIP));
    const claimed = new Set(now.map(idOf).filter((id) => !clusterIPs.has(addressIn(id))));
    for (const id of claimed) {
      const claimants = this.#claims.get(id) ?? none;
      if (!claimants.includes(service)) this.#claims.set(id, [...claimants, service]);
    }
    for (const text of before) {
      const id = idOf(text);
      const claimants = this.#claims.get(id);
      if (claimants === undefined || claimed.has(id)) continue;
      const others = claimants.filter((one) => one !== service);
      for (const other of others) this.#disturbed.add(other);
      if (others.length === 0) this.#claims.delete(id);
      else this.#claims.set(id, others);
    }
  }

  changes(services: readonly string[], network: NodeNetwork): Transaction {
    const deletions = new Map<string, Element>();
    const additions = new Map<string, Element>();
    const effects = new Map<string, readonly string[]>();
    for (const service of new Set([...services, ...this.#disturbed])) {
      const before = this.#written.get(service) ?? none;
      const now = this.#due(service);
      if (before === now) continue;
      effects.set(service, now);
      const had = new Set(before);
      const has = new Set(now);
      for (const text of before) if (!has.has(text)) deletions.set(idOf(text), elementIn(text));
      for (const text of now) if (!had.has(text)) additions.set(idOf(text), elementIn(text));
    }
    const ground = this.#exists ? [] : this.#groundStatements(network);
    const statements = [
      ...ground,
      ...elementStatements("delete-elements", deletions.values()),
      ...elementStatements("add-elements", additions.values()),
    ];
    const size = new Set([...deletions.keys(), ...additions.keys()]).size;
    return this.#transaction(statements, size, () => {
      for (const [service, now] of effects) this.#note(service, now);
      this.#disturbed.clear();
    });
  }

  full(network: NodeNetwork, recreate: boolean): Transaction {
    const due = [...this.#wanted.keys()].map((service) => [service, this.#due(service)] as const);
    const elements = due.flatMap(([, texts]) => texts.map(elementIn));
    const statements: readonly Statement[] = [
      ...(recreate ? [{ kind: "delete-table" } as const] : []),
      ...this.#groundStatements(network),
      ...elementStatements("add-elements", elements),
    ];
    return this.#transaction(statements, elements.length, () => {
      this.#forgetWritten();
      for (const [service, texts] of due) this.#note(service, texts);
      this.#disturbed.clear();
    });
  }

  ground(network: NodeNetwork): Transaction {
    const statements: readonly Statement[] = [{ kind: "delete-table" }, ...this.#groundStatements(network)];
    return this.#transaction(statements, 0, () => this.#forgetWritten());
  }

  /** What the kernel should have of a Service: all that it wants but what another one has. */
  #due(service: string): readonly string[] {
    const wanted = this.#wanted.get(service) ?? none;
    const isDue = (text: string): boolean => (this.#claims.get(idOf(text))?.[0] ?? service) === service;
    return wanted.every(isDue) ? wanted : wanted.filter(isDue);
  }

  #note(service: string, now: readonly string[]): void {
    this.#installed += now.length - (this.#written.get(service)?.length ?? 0);
    if (now.length === 0) this.#written.delete(service);
    else this.#written.set(service, now);
  }

  #forgetWritten(): void {
    this.#written.clear();
    this.#installed = 0;
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

const none: readonly string[] = [];

/** An element as one text; its parts hold no tabs. */
function elementText({ set, key, value = "", comment = "" }: Element): string {
  return `${set}\t${key}\t${value}\t${comment}`;
}

function elementIn(text: string): Element {
  const [name, key = "", value, comment] = text.split("\t");
  const set = setNames.find((one) => one === name);
  if (set === undefined) throw new Error(`there is no set of this name: ${text}`);
  return { set, key, ...(value ? { value } : {}), ...(comment ? { comment } : {}) };
}

/** Set and key. */
function idOf(text: string): string {
  return text.slice(0, text.indexOf("\t", text.indexOf("\t") + 1));
}

/** The address with which a key begins. A cluster IP is one Service's alone, all others may be claimed by several. */
function addressIn(id: string): string {
  const [, key = ""] = id.split("\t");
  return key.split(" ", 1)[0] ?? "";
}

function elementStatements(
  kind: "add-elements" | "delete-elements",
  elements: Iterable<Element>,
): readonly Statement[] {
  const lists = new Map<SetName, Element[]>();
  for (const element of elements) {
    const list = lists.get(element.set);
    if (list === undefined) lists.set(element.set, [element]);
    else list.push(element);
  }
  return [...lists].map(([set, list]) => ({ kind, set, elements: list }));
}
