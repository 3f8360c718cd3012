import type { IpFamily } from "../../core/index.ts";
import type { NodeNetwork, ServicePlan, Transaction } from "../../model/index.ts";
import { applyStatements, fillScript, groundStatements, script, tableLoad, tableOf } from "../nft/index.ts";
import type { Element, FullWrite, Script, Statement, TableState } from "../nft/index.ts";
import { ChainLedger } from "./chain-ledger.ts";
import { elementOf, elementSets } from "./element-text.ts";
import { layoutChains, layoutSets } from "./layout.ts";
import { planText, stickyPort } from "./plan-text.ts";
import { ServiceLedger } from "./service-ledger.ts";
import type { ElementGroup } from "./service-ledger.ts";
import { tableName } from "./table-name.ts";
import { StickyNumbers } from "./sticky.ts";

/** One family's table: what is wanted in it, and what the kernel has of it. */
export class FamilyTable {
  readonly #family: IpFamily;
  readonly #table: string;
  readonly #services = new ServiceLedger();
  readonly #chains: ChainLedger;
  readonly #sticky = new StickyNumbers();
  readonly #stickyPorts = new Map<string, readonly string[]>();
  #exists = false;

  constructor(family: IpFamily) {
    this.#family = family;
    this.#table = tableOf(family, tableName);
    this.#chains = new ChainLedger(family);
  }

  get installed(): number {
    return this.#services.installedCount;
  }

  want(service: string, plans: readonly ServicePlan[]): void {
    const before = this.#services.installed(service);
    const shape = this.#chains.know.bind(this.#chains);
    const text = planText(plans, { family: this.#family, before, sticky: this.#sticky, shape });
    this.#services.want(service, text);
    this.#keepSticky(service, plans);
  }

  changes(services: readonly string[], network: NodeNetwork): Transaction<Script> {
    const changes = this.#services.changes(services);
    const chains = this.#chains.change(changes.chains, network.masqueradeBit);
    const ground = this.#exists ? [] : this.#ground(network);
    const statements: readonly Statement[] = [
      ...ground,
      ...chains.before,
      ...changes.deletions.map((group): Statement => ({ kind: "delete-elements", ...group })),
      ...changes.additions.map((group): Statement => ({ kind: "add-elements", ...group })),
    ];
    const isEmpty = statements.length === 0;
    return {
      // Chains that are not used any more can wait for a change.
      script: isEmpty ? "" : script(this.#table, [...statements, ...chains.after]),
      isEmpty,
      size: changes.size,
      commit: () => {
        changes.commit();
        if (isEmpty) return;
        chains.commit();
        this.#exists = true;
      },
    };
  }

  /** The names of the chains that the kernel has. */
  chainNames(network: NodeNetwork): readonly string[] {
    if (!this.#exists) return [];
    return [...layoutChains(this.#family, network).map(({ name }) => name), ...this.#chains.names()];
  }

  /** How many elements are wanted; from `most` on it is not counted further. */
  wantedCount(most: number): number {
    return this.#services.wantedCount(most);
  }

  full(network: NodeNetwork, { recreate, byNetlink, stateOf }: FullWrite): Transaction<Script> {
    const services = this.#services;
    const chains = this.#chains.replace(services.chainCounts(stateOf), network.masqueradeBit);
    const start: readonly Statement[] = recreate === true ? [{ kind: "delete-table" }] : [];
    const head = script(this.#table, [...start, ...this.#ground(network), ...chains.before]);
    const tail = script(this.#table, chains.after);
    const load = tableLoad({
      family: this.#family,
      name: tableName,
      sets: layoutSets(this.#family),
      chains: layoutChains(this.#family, network),
      before: chains.before,
      after: chains.after,
      each: (visit) => services.each((line) => visit(line.set, line), stateOf),
    });
    return {
      script: { pieces: () => this.#pieces(head, tail, stateOf), ...(byNetlink ? { loads: [load] } : {}) },
      isEmpty: false,
      get size() {
        return services.wantedCount(Infinity, stateOf);
      },
      commit: () => {
        services.commitAll(stateOf);
        chains.commit();
        this.#exists = true;
      },
    };
  }

  ground(network: NodeNetwork): Transaction<Script> {
    return {
      script: script(this.#table, [{ kind: "delete-table" }, ...this.#ground(network)]),
      isEmpty: false,
      size: 0,
      commit: () => {
        this.#chains.forget();
        this.#services.forgetInstalled();
        this.#exists = true;
      },
    };
  }

  state(network: NodeNetwork): TableState {
    const { before } = this.#chains.replace(this.#services.chainCounts(), network.masqueradeBit);
    return applyStatements([...this.#ground(network), ...before, ...this.#additions()]);
  }

  *#pieces(head: string, tail: string, stateOf: FullWrite["stateOf"]): Generator<string> {
    yield head;
    for (const set of elementSets) {
      yield* fillScript(this.#table, set, (visit) => this.#services.eachOf(set, visit, stateOf));
    }
    if (tail !== "") yield tail;
  }

  #additions(): readonly Statement[] {
    return elementSets.map((set): Statement => {
      const elements: Element[] = [];
      drain(this.#services.eachOf(set, (line) => void elements.push(elementOf(line))));
      return { kind: "add-elements", set, elements } satisfies ElementGroup & { kind: "add-elements" };
    });
  }

  #ground(network: NodeNetwork): readonly Statement[] {
    return groundStatements({ sets: layoutSets(this.#family), chains: layoutChains(this.#family, network) });
  }

  #keepSticky(service: string, plans: readonly ServicePlan[]): void {
    const ports = plans.filter(({ affinitySeconds }) => affinitySeconds !== undefined).map(stickyPort);
    for (const port of this.#stickyPorts.get(service) ?? []) if (!ports.includes(port)) this.#sticky.release(port);
    if (ports.length === 0) this.#stickyPorts.delete(service);
    else this.#stickyPorts.set(service, ports);
  }
}

function drain(work: Iterable<void>): void {
  const iterator = work[Symbol.iterator]();
  while (iterator.next().done !== true);
}
