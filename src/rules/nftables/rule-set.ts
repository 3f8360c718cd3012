import { cidrsOfFamily, ipFamilies } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { FullOptions, NodeNetwork, RuleBook, ServicePlan, Transaction } from "../../model/index.ts";
import { joinTransactions, script, tableOf } from "../nft/index.ts";
import type { Script, TableState } from "../nft/index.ts";
import { FamilyTable } from "./family-table.ts";
import { tableName } from "./table-name.ts";

/** From so many elements on their text takes nft longer than starting it once more (about 10 ms). */
const manyElements = 2000;

/**
 * The rules that carry out the plans of all Services, and what of them the kernel has. IPv4 and IPv6 have a table each
 * (`ip sealane`, `ip6 sealane`); the second comes with the first Service that needs it.
 */
export class RuleSet implements RuleBook<Script> {
  #network: NodeNetwork;
  readonly #tables = new Map<IpFamily, FamilyTable>();

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

  /** Replaces the plans of one Service; an empty list removes it. */
  want(service: string, plans: readonly ServicePlan[]): void {
    for (const family of ipFamilies) {
      const own = plans.every((plan) => plan.family === family)
        ? plans
        : plans.filter((plan) => plan.family === family);
      if (own.length > 0 || this.#tables.has(family)) this.#table(family).want(service, own);
    }
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction<Script> {
    const keys = [...services];
    return joinTransactions([...this.#tables.values()].map((table) => table.changes(keys, this.#network)));
  }

  /** Everything: tables, chains and all elements. Replaces whatever is in the project's tables, except affinities. */
  full({ recreate = false, ...options }: FullOptions = {}): Transaction<Script> {
    const tables = [...this.#tables.values()];
    // A table in the way is replaced by one transaction, which only nft can make.
    const byNetlink = !recreate && tables.some((table) => table.wantedCount(manyElements) >= manyElements);
    return joinTransactions(tables.map((table) => table.full(this.#network, { ...options, recreate, byNetlink })));
  }

  /** The fixed part alone, without any element: the ground on which Services can be tried one by one. */
  ground(): Transaction<Script> {
    return joinTransactions([...this.#tables.values()].map((table) => table.ground(this.#network)));
  }

  /** What the tables hold when everything that is wanted is in the kernel. */
  tables(): ReadonlyMap<IpFamily, TableState> {
    return new Map([...this.#tables].map(([family, table]) => [family, table.state(this.#network)]));
  }

  /** The chains that the kernel has when nobody else has touched them. */
  chains(): readonly { readonly family: IpFamily; readonly table: string; readonly chain: string }[] {
    return [...this.#tables].flatMap(([family, table]) =>
      table.chainNames(this.#network).map((chain) => ({ family, table: tableName, chain })),
    );
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

function removalOf(families: readonly IpFamily[]): string {
  return families.map((family) => script(tableOf(family, tableName), [{ kind: "delete-table" }])).join("");
}
