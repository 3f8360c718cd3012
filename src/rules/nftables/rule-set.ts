import type { IpFamily } from "../../core/index.ts";
import { cidrFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork, ServicePlan } from "../../model/index.ts";
import { ElementLedger } from "./element-ledger.ts";
import type { ElementChanges } from "./element-ledger.ts";
import { isFilledByPackets, layoutChains, layoutSets } from "./layout.ts";
import { planElements } from "./plan-elements.ts";
import type { PlannedElement } from "./plan-elements.ts";
import { recallChain, shapeChain } from "./shape.ts";
import { script } from "./statement.ts";
import type { ChainDefinition, Element, Statement } from "./statement.ts";
import { applyStatements } from "./table-state.ts";
import type { TableState } from "./table-state.ts";

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
 * The rules that carry out the plans of all Services, and what of them the kernel has. IPv4 and IPv6 have a table each
 * (`ip sealane`, `ip6 sealane`); the second comes with the first Service that needs it.
 */
export class RuleSet {
  #network: NodeNetwork;
  readonly #tables = new Map<IpFamily, FamilyTable>();

  constructor(network: NodeNetwork = nodeNetwork()) {
    this.#network = network;
    this.setNetwork(network);
  }

  /** Changes what the fixed chains say; takes effect with the next full transaction. */
  setNetwork(network: NodeNetwork): void {
    this.#network = network;
    for (const family of families) {
      if (family === "IPv4" || network.serviceCidrs.some((range) => cidrFamily(range) === family)) this.#table(family);
    }
  }

  /** Replaces the plans of one Service; an empty list removes it. */
  want(service: string, plans: readonly ServicePlan[]): void {
    for (const family of families) {
      const own = plans.filter((plan) => plan.family === family);
      if (own.length > 0 || this.#tables.has(family)) this.#table(family).want(service, own);
    }
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction {
    const keys = [...services];
    return join([...this.#tables.values()].map((table) => table.changes(keys, this.#network)));
  }

  /** Everything: tables, chains and all elements. Replaces whatever is in the project's tables, except affinities. */
  full(options: { readonly recreate?: boolean } = {}): Transaction {
    return join([...this.#tables.values()].map((table) => table.full(this.#network, options.recreate === true)));
  }

  /** The fixed part alone, without any element: the ground on which Services can be tried one by one. */
  ground(): Transaction {
    return join([...this.#tables.values()].map((table) => table.ground(this.#network)));
  }

  /** What the tables hold when everything that is wanted is in the kernel. */
  tables(): ReadonlyMap<IpFamily, TableState> {
    return new Map([...this.#tables].map(([family, table]) => [family, table.state(this.#network)]));
  }

  /** A script without any effect on packets: it fails only when nftables itself does not work. */
  probe(): string {
    return script("IPv4", [{ kind: "add-table" }]);
  }

  /** A script that removes the tables, whether they are there or not. */
  removal(): string {
    return families.map((family) => script(family, [{ kind: "delete-table" }])).join("");
  }

  /** How many elements the kernel has. */
  get installed(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.installed, 0);
  }

  #table(family: IpFamily): FamilyTable {
    const table = this.#tables.get(family) ?? new FamilyTable(family);
    this.#tables.set(family, table);
    return table;
  }
}

class FamilyTable {
  readonly #family: IpFamily;
  readonly #ledger = new ElementLedger();
  /** Elements of Services that changed since the last commit. */
  readonly #touched = new Map<string, readonly Element[]>();
  #chains: ReadonlySet<string> = new Set();
  #exists = false;

  constructor(family: IpFamily) {
    this.#family = family;
  }

  get installed(): number {
    return this.#ledger.installed;
  }

  want(service: string, plans: readonly ServicePlan[]): void {
    const before = this.#ledger.wantedBy(service);
    const now = plans.flatMap(planElements);
    if (before.length === 0 && now.length === 0) return;
    this.#ledger.want(service, now);
    this.#touched.set(service, [...(this.#touched.get(service) ?? []), ...before, ...now]);
  }

  changes(services: readonly string[], network: NodeNetwork): Transaction {
    const touched = services.flatMap((service) => this.#touched.get(service) ?? []);
    const changes = this.#ledger.changes(touched);
    const ground = this.#exists ? [] : this.#groundStatements(network);
    const shapes = this.#shapeChains(changes.added, this.#chains, !this.#exists);
    return this.#transaction([...ground, ...shapes, ...changes.deletions, ...changes.additions], changes, () => {
      this.#chains = new Set([...this.#chains, ...shapes.map(({ chain }) => chain.name)]);
      for (const service of services) this.#touched.delete(service);
    });
  }

  full(network: NodeNetwork, recreate: boolean): Transaction {
    const { changes, shapes, statements } = this.#fullStatements(network);
    const start: readonly Statement[] = recreate ? [{ kind: "delete-table" }] : [];
    return this.#transaction([...start, ...statements], changes, () => {
      this.#chains = new Set(shapes.map(({ chain }) => chain.name));
      this.#touched.clear();
    });
  }

  state(network: NodeNetwork): TableState {
    return applyStatements(this.#fullStatements(network).statements);
  }

  #fullStatements(network: NodeNetwork) {
    const changes = this.#ledger.fullChanges();
    const shapes = this.#shapeChains(changes.added, new Set(), true);
    return { changes, shapes, statements: [...this.#groundStatements(network), ...shapes, ...changes.additions] };
  }

  ground(network: NodeNetwork): Transaction {
    const statements: readonly Statement[] = [{ kind: "delete-table" }, ...this.#groundStatements(network)];
    return this.#transaction(statements, undefined, () => {
      this.#chains = new Set();
      this.#ledger.forgetInstalled();
      for (const owner of this.#ledger.owners()) this.#touched.set(owner, this.#ledger.wantedBy(owner));
    });
  }

  #transaction(statements: readonly Statement[], changes: ElementChanges | undefined, done: () => void): Transaction {
    return {
      script: script(this.#family, statements),
      isEmpty: statements.length === 0,
      size: changes?.size ?? 0,
      commit: () => {
        changes?.commit();
        done();
        if (statements.length > 0) this.#exists = true;
      },
    };
  }

  #groundStatements(network: NodeNetwork): readonly Statement[] {
    const sets = layoutSets(this.#family);
    const chains = layoutChains(this.#family, network);
    return [
      { kind: "add-table" },
      ...sets.map((set) => ({ kind: "add-set" as const, set })),
      ...sets
        .filter((set) => !isFilledByPackets(set))
        .map((set) => ({ kind: "flush-set" as const, set: set.name, isMap: set.value !== undefined })),
      ...chains.map((chain) => ({ kind: "set-chain" as const, chain, flush: true })),
    ];
  }

  /** The chains that these elements go to and that the kernel does not have yet. */
  #shapeChains(
    added: readonly PlannedElement[],
    present: ReadonlySet<string>,
    flush: boolean,
  ): readonly { readonly kind: "set-chain"; readonly chain: ChainDefinition; readonly flush: boolean }[] {
    const chains = new Map<string, ChainDefinition>();
    const seen = new Set<string>();
    for (const { shape, value } of added) {
      if (shape === undefined || value === undefined || seen.has(value)) continue;
      seen.add(value);
      const recall = recallChain(this.#family, shape);
      for (const chain of [...(recall === undefined ? [] : [recall]), shapeChain(this.#family, shape)]) {
        if (!present.has(chain.name)) chains.set(chain.name, chain);
      }
    }
    return [...chains.values()].map((chain) => ({ kind: "set-chain", chain, flush }));
  }
}

function join(transactions: readonly Transaction[]): Transaction {
  return {
    script: transactions.map((transaction) => transaction.script).join(""),
    isEmpty: transactions.every(({ isEmpty }) => isEmpty),
    size: transactions.reduce((sum, { size }) => sum + size, 0),
    commit: () => transactions.forEach((transaction) => transaction.commit()),
  };
}
