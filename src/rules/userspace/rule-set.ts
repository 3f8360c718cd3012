import { cidrsOfFamily, ipFamilies } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { FullOptions, NodeNetwork, RuleBook, ServicePlan, Transaction } from "../../model/index.ts";
import { joinTransactions, script, tableOf } from "../nft/index.ts";
import type { Script, TableState } from "../nft/index.ts";
import { FamilyTable } from "./family-table.ts";
import type { ListenerPlace } from "./layout.ts";
import { tableName } from "./table-name.ts";

/** From so many Services on their text takes nft longer than starting it once more (about 10 ms). */
const manyServices = 1000;

/**
 * The rules that redirect the clients of all Services to the relay, and what of them the kernel has. IPv4 and IPv6 have a
 * table each; the second comes with Services' addresses of its family. `setListeners` must have been called for a family before
 * anything of it is written.
 */
export class UserspaceRules implements RuleBook<Script> {
  readonly #tables = new Map<IpFamily, FamilyTable>();
  #network: NodeNetwork;

  constructor(network: NodeNetwork = nodeNetwork()) {
    this.#network = network;
    this.setNetwork(network);
  }

  /** Changes what the fixed chains say; takes effect with the next full transaction. */
  setNetwork(network: NodeNetwork): void {
    this.#network = network;
    for (const family of ipFamilies) {
      if (family === "IPv4" || cidrsOfFamily(network.serviceCidrs, family).length > 0) this.#table(family);
    }
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
    for (const family of ipFamilies) {
      const own = plans.filter((plan) => plan.family === family);
      if (own.length > 0 || this.#tables.has(family)) this.#table(family).want(service, own);
    }
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction<Script> {
    const names = [...services];
    return this.#join((table) => table.changes(names, this.#network));
  }

  /** Everything, over whatever is there; `recreate` also over things that stand in the way. */
  full({ recreate = false, ...options }: FullOptions = {}): Transaction<Script> {
    // A table in the way is replaced by one transaction, which only nft can make.
    const byNetlink = !recreate && [...this.#tables.values()].some(({ services }) => services >= manyServices);
    return this.#join((table) => table.full(this.#network, { ...options, recreate, byNetlink }));
  }

  /** The fixed part alone, without any element: the ground on which Services can be tried one by one. */
  ground(): Transaction<Script> {
    return this.#join((table) => table.ground(this.#network));
  }

  /** A script without any effect on packets: it fails only when nftables itself does not work. */
  probe(): string {
    return script(tableOf("IPv4", tableName), [{ kind: "add-table" }]);
  }

  /** A script that removes the tables, whether they are there or not. */
  removal(): string {
    return removalOf(ipFamilies);
  }

  /** A script that removes the tables of families that nothing is wanted of; `undefined` when something is of both. */
  leftovers(): string | undefined {
    const others = ipFamilies.filter((family) => !this.#tables.has(family));
    return others.length === 0 ? undefined : removalOf(others);
  }

  /** The chains that the kernel has when nobody else has touched them. */
  chains(): readonly { readonly family: IpFamily; readonly table: string; readonly chain: string }[] {
    return [...this.#tables].flatMap(([family, table]) =>
      table.chains(this.#network).map((chain) => ({ family, table: tableName, chain })),
    );
  }

  /** What the table of a family should be. */
  state(family: IpFamily): TableState {
    return this.#table(family).state(this.#network);
  }

  /** How many elements the kernel has. */
  get installed(): number {
    return [...this.#tables.values()].reduce((sum, table) => sum + table.installed, 0);
  }

  #join(change: (table: FamilyTable) => Transaction<Script>): Transaction<Script> {
    return joinTransactions([...this.#tables.values()].map(change));
  }

  #table(family: IpFamily): FamilyTable {
    const table = this.#tables.get(family) ?? new FamilyTable(family);
    this.#tables.set(family, table);
    return table;
  }
}

function removalOf(families: readonly IpFamily[]): string {
  return families.map((family) => script(tableOf(family, tableName), [{ kind: "delete-table" }])).join("");
}
