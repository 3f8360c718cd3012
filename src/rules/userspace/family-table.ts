import type { IpFamily } from "../../core/index.ts";
import type { NodeNetwork, ServicePlan, Transaction } from "../../model/index.ts";
import { applyStatements, fillScript, groundStatements, script, tableLoad, tableOf } from "../nft/index.ts";
import type { FullWrite, Script, Statement, TableState, WholeTable } from "../nft/index.ts";
import { layoutChains, layoutSets, setNames } from "./layout.ts";
import type { ListenerPlace, SetName } from "./layout.ts";
import { planElements } from "./plan-elements.ts";
import type { ServiceElement } from "./plan-elements.ts";
import { tableName } from "./table-name.ts";

/**
 * The elements of one family: what each Service wants, and what the kernel has of it. Each is one text, the same for both:
 * 50,000 Services take 10 MB.
 */
export class FamilyTable {
  readonly #family: IpFamily;
  readonly #table: string;
  readonly #wanted = new Map<string, string>();
  readonly #written = new Map<string, string>();
  /** Who wants an element of an address that several Services may have: all but cluster IPs. The first one has it. */
  readonly #claims = new Map<string, readonly string[]>();
  readonly #claimedBy = new Map<string, ReadonlySet<string>>();
  /** Services whose elements are others because another Service gave one back. */
  readonly #disturbed = new Set<string>();
  place: ListenerPlace | undefined;
  #exists = false;
  #installed = 0;

  constructor(family: IpFamily) {
    this.#family = family;
    this.#table = tableOf(family, tableName);
  }

  get installed(): number {
    return this.#installed;
  }

  want(service: string, plans: readonly ServicePlan[]): void {
    const elements = elementsOf(plans);
    const now = elementsText(elements);
    if (now === (this.#wanted.get(service) ?? "")) return;
    if (now === "") this.#wanted.delete(service);
    else this.#wanted.set(service, now);
    this.#claim(service, plans, elements);
  }

  changes(services: readonly string[], network: NodeNetwork): Transaction<Script> {
    const deletions: ServiceElement[] = [];
    const additions: ServiceElement[] = [];
    const effects = new Map<string, string>();
    for (const service of new Set([...services, ...this.#disturbed])) {
      const before = this.#written.get(service) ?? "";
      const now = this.#due(service);
      if (before === now) continue;
      effects.set(service, now);
      const [had, has] = [elementsIn(before), elementsIn(now)];
      deletions.push(...without(had, has));
      additions.push(...without(has, had));
    }
    const ground = this.#exists ? [] : this.#groundStatements(network);
    const statements = [
      ...ground,
      ...elementStatements("delete-elements", deletions),
      ...elementStatements("add-elements", additions),
    ];
    const size = new Set([...deletions, ...additions].map(idOf)).size;
    return this.#transaction(statements, size, () => {
      for (const [service, now] of effects) this.#note(service, now);
      this.#disturbed.clear();
    });
  }

  /** The names of the chains that the kernel has. */
  chains(network: NodeNetwork): readonly string[] {
    return this.#exists ? this.#layout(network).chains.map(({ name }) => name) : [];
  }

  /** How many Services want something. */
  get services(): number {
    return this.#wanted.size;
  }

  full(network: NodeNetwork, { recreate, byNetlink, stateOf = () => "wanted" }: FullWrite): Transaction<Script> {
    const due = new Map<string, string>();
    for (const service of this.#wanted.keys()) {
      const state = stateOf(service);
      if (state === "wanted") due.set(service, this.#due(service));
      else if (state === "former") due.set(service, this.#written.get(service) ?? "");
    }
    const ground: readonly Statement[] = [
      ...(recreate === true ? [{ kind: "delete-table" } as const] : []),
      ...this.#groundStatements(network),
    ];
    let size = 0;
    for (const text of due.values()) size += countIn(text);
    const load = tableLoad({
      family: this.#family,
      name: tableName,
      ...this.#layout(network),
      each: function* (visit) {
        for (const text of due.values()) {
          for (const element of elementsIn(text)) visit(element.set, element);
          yield;
        }
      },
    });
    return {
      script: { pieces: () => this.#fullScript(ground, due.values()), ...(byNetlink ? { loads: [load] } : {}) },
      isEmpty: false,
      size,
      commit: () => {
        this.#forgetWritten();
        for (const [service, text] of due) this.#note(service, text);
        this.#disturbed.clear();
        this.#exists = true;
      },
    };
  }

  ground(network: NodeNetwork): Transaction<Script> {
    const statements: readonly Statement[] = [{ kind: "delete-table" }, ...this.#groundStatements(network)];
    return this.#transaction(statements, 0, () => this.#forgetWritten());
  }

  state(network: NodeNetwork): TableState {
    const elements = [...this.#wanted.keys()].flatMap((service) => elementsIn(this.#due(service)));
    return applyStatements([...this.#groundStatements(network), ...elementStatements("add-elements", elements)]);
  }

  /** Made as it is read, set by set: all elements at once would be felt. */
  *#fullScript(ground: readonly Statement[], texts: Iterable<string>): Generator<string> {
    yield script(this.#table, ground);
    const all = [...texts];
    for (const set of setNames) {
      yield* fillScript(this.#table, set, function* (visit) {
        for (const text of all) {
          for (const element of elementsIn(text, set)) visit(element);
          yield;
        }
      });
    }
  }

  /** Takes note of who wants what others may want, too. */
  #claim(service: string, plans: readonly ServicePlan[], elements: readonly ServiceElement[]): void {
    const before = this.#claimedBy.get(service);
    const isShared = plans.some(hasOutsideAddress);
    if (before === undefined && !isShared) return;
    const clusterIPs = new Set<string>(plans.map(({ clusterIP }) => clusterIP));
    const now = new Set(
      elements.filter(({ key }) => !clusterIPs.has(key.split(" ", 1)[0] ?? "")).map((element) => idOf(element)),
    );
    for (const id of now) {
      const claimants = this.#claims.get(id) ?? [];
      if (!claimants.includes(service)) this.#claims.set(id, [...claimants, service]);
    }
    for (const id of before ?? []) {
      if (now.has(id)) continue;
      const others = (this.#claims.get(id) ?? []).filter((one) => one !== service);
      for (const other of others) this.#disturbed.add(other);
      if (others.length === 0) this.#claims.delete(id);
      else this.#claims.set(id, others);
    }
    if (now.size === 0) this.#claimedBy.delete(service);
    else this.#claimedBy.set(service, now);
  }

  /** What the kernel should have of a Service: all that it wants but what another one has. */
  #due(service: string): string {
    const wanted = this.#wanted.get(service) ?? "";
    if (!this.#claimedBy.has(service)) return wanted;
    const elements = elementsIn(wanted);
    const isDue = (element: ServiceElement): boolean => (this.#claims.get(idOf(element))?.[0] ?? service) === service;
    return elements.every(isDue) ? wanted : elementsText(elements.filter(isDue));
  }

  #note(service: string, now: string): void {
    this.#installed += countIn(now) - countIn(this.#written.get(service) ?? "");
    if (now === "") this.#written.delete(service);
    else this.#written.set(service, now);
  }

  #forgetWritten(): void {
    this.#written.clear();
    this.#installed = 0;
  }

  #transaction(statements: readonly Statement[], size: number, done: () => void): Transaction<Script> {
    return {
      script: script(this.#table, statements),
      isEmpty: statements.length === 0,
      size,
      commit: () => {
        done();
        if (statements.length > 0) this.#exists = true;
      },
    };
  }

  #groundStatements(network: NodeNetwork): readonly Statement[] {
    return groundStatements(this.#layout(network));
  }

  #layout(network: NodeNetwork): Pick<WholeTable, "sets" | "chains"> {
    const { place } = this;
    if (place === undefined) {
      throw new Error(`the relay has no listeners for ${this.#family} yet: call setListeners first`);
    }
    return { sets: layoutSets(this.#family), chains: layoutChains(this.#family, network, place) };
  }
}

function hasOutsideAddress({ nodePort, loadBalancerIPs, externalIPs }: ServicePlan): boolean {
  return nodePort !== undefined || loadBalancerIPs.length > 0 || externalIPs.length > 0;
}

/** The elements of a Service, each once: its ports share their cluster IP. */
function elementsOf(plans: readonly ServicePlan[]): readonly ServiceElement[] {
  const found = new Map<string, ServiceElement>();
  for (const plan of plans) {
    for (const element of planElements(plan)) {
      const id = idOf(element);
      if (!found.has(id)) found.set(id, element);
    }
  }
  return [...found.values()];
}

/** The elements as one text: a line for each, with tabs between its parts. */
function elementsText(elements: readonly ServiceElement[]): string {
  return elements.map(({ set, key, value = "", comment = "" }) => [set, key, value, comment].join("\t")).join("\n");
}

/** The elements of a text, or those of one set. */
function elementsIn(text: string, only?: SetName): readonly ServiceElement[] {
  if (text === "") return [];
  return text.split("\n").flatMap((line) => {
    if (only !== undefined && !line.startsWith(`${only}\t`)) return [];
    const [name, key = "", value = "", comment = ""] = line.split("\t");
    const set = setNames.find((one) => one === name);
    return set === undefined
      ? []
      : [{ set, key, ...(value === "" ? {} : { value }), ...(comment === "" ? {} : { comment }) }];
  });
}

function countIn(text: string): number {
  return text === "" ? 0 : text.split("\n").length;
}

/** Comments do not count: another one is not worth a change. */
function isSame(a: ServiceElement, b: ServiceElement | undefined): boolean {
  return b !== undefined && a.key === b.key && a.set === b.set && a.value === b.value;
}

function without(elements: readonly ServiceElement[], others: readonly ServiceElement[]): readonly ServiceElement[] {
  const known = new Map(others.map((element) => [idOf(element), element]));
  return elements.filter((element) => !isSame(element, known.get(idOf(element))));
}

function idOf({ set, key }: ServiceElement): string {
  return `${set} ${key}`;
}

function elementStatements(
  kind: "add-elements" | "delete-elements",
  elements: readonly ServiceElement[],
): readonly Statement[] {
  const lists = new Map<SetName, ServiceElement[]>();
  for (const element of elements) {
    const list = lists.get(element.set);
    if (list === undefined) lists.set(element.set, [element]);
    else list.push(element);
  }
  return [...lists].map(([set, list]) => ({ kind, set, elements: list }));
}
