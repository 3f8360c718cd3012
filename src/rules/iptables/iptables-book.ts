import { cidrsOfFamily, ipFamilies } from "../../core/index.ts";
import type { IpFamily } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { FullOptions, NodeNetwork, RuleBook, ServicePlan, Transaction } from "../../model/index.ts";
import { fixedChains } from "./chain-names.ts";
import { changeLines, changeOf, isNoChange, writtenBy } from "./change-script.ts";
import type { RuleChange } from "./change-script.ts";
import { fixedChainsOf } from "./fixed-rules.ts";
import { fullRuns } from "./full-script.ts";
import { changeSteps } from "./image/change-steps.ts";
import { fullSteps } from "./image/full-steps.ts";
import { withoutRest } from "./planned-rule.ts";
import type { RulePlan, RuleSettings } from "./planned-rule.ts";
import { removalRuns } from "./removal-script.ts";
import { tables } from "./rule.ts";
import { chainLine, inPieces } from "./script.ts";
import type { FamilyScript, IptablesScript, RulesOutline, RunLimits } from "./script.ts";
import { addCounts, noRules, sumOf } from "./table-counts.ts";
import type { TableCounts, TableRules } from "./table-counts.ts";

/** What the rules depend on beside the Services and the node's network. */
export interface IptablesBookOptions {
  /** Whether connection tracking is told to be liberal with TCP (nf_conntrack_tcp_be_liberal). Default: no. */
  readonly tcpBeLiberal?: boolean;
}

/** With more endpoints than that, the Services' chains get no comments (upstream: largeClusterEndpointsThreshold). */
const manyEndpoints = 1000;

/**
 * The rules that carry out the plans of all Services, and what of them the kernel has. It keeps plans, not rules: those of a
 * Service are made anew when it changes. IPv6 comes with the first Service that needs it.
 */
export class IptablesBook implements RuleBook<IptablesScript> {
  readonly #families: ReadonlyMap<IpFamily, FamilyBook>;

  constructor({ tcpBeLiberal = false }: IptablesBookOptions = {}) {
    this.#families = new Map(ipFamilies.map((family) => [family, new FamilyBook(family, tcpBeLiberal)]));
  }

  /** Changes what the fixed chains say; takes effect with the next full transaction. */
  setNetwork(network: NodeNetwork): void {
    for (const book of this.#families.values()) book.setNetwork(network);
  }

  /** Replaces the plans of one Service; an empty list removes it. Not between a transaction and its commit. */
  want(service: string, plans: readonly ServicePlan[]): void {
    for (const [family, book] of this.#families) {
      book.want(service, plans.filter((plan) => plan.family === family).map(withoutRest));
    }
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction<IptablesScript> {
    const keys = [...services];
    return this.#join((book) => book.changes(keys));
  }

  /** Everything, over whatever is there. */
  full({ stateOf }: FullOptions = {}): Transaction<IptablesScript> {
    return this.#join((book) => book.full(stateOf));
  }

  /** The fixed chains alone, without any Service. */
  ground(): Transaction<IptablesScript> {
    return this.#join((book) => book.ground());
  }

  /** A script without effect on packets: it fails only when iptables itself does not work. */
  probe(): IptablesScript {
    const lines = ["*nat", chainLine(fixedChains.canary), "COMMIT"];
    return { kind: "write", families: [scriptOf("IPv4", () => [inPieces(lines)])] };
  }

  /** Takes everything away, also what kube-proxy or an earlier process left. */
  removal(): IptablesScript {
    return { kind: "remove", families: ipFamilies.map((family) => scriptOf(family, removalRuns, true)) };
  }

  /** How many rules the kernel has. */
  get installed(): number {
    return [...this.#families.values()].reduce((sum, { installed }) => sum + sumOf(installed), 0);
  }

  /** The same for each table of the families that are in use, without the table that only has a chain. */
  tableRules(): readonly TableRules[] {
    return [...this.#families.values()].flatMap((book) => book.tableRules());
  }

  #join(make: (book: FamilyBook) => FamilyTransaction): Transaction<IptablesScript> {
    const parts = [...this.#families.values()].map(make);
    return {
      script: { kind: "write", families: parts.flatMap(({ script }) => script ?? []) },
      isEmpty: parts.every(({ script }) => script === undefined),
      size: parts.reduce((sum, { size }) => sum + size, 0),
      commit: () => parts.forEach(({ commit }) => commit()),
    };
  }
}

interface FamilyTransaction {
  /** Absent when there is nothing to do. */
  readonly script?: FamilyScript;
  readonly size: number;
  readonly commit: () => void;
}

class FamilyBook {
  readonly #family: IpFamily;
  readonly #tcpBeLiberal: boolean;
  readonly #wanted = new Map<string, readonly RulePlan[]>();
  #written = new Map<string, readonly RulePlan[]>();
  #network: NodeNetwork = nodeNetwork();
  /** That of the last full script, which the kernel's rules were made with. */
  #writtenNetwork: NodeNetwork = this.#network;
  #endpoints = 0;
  #exists = false;
  installed = noRules;
  /** Rules that the last transaction wrote which did anything. */
  #last = noRules;

  constructor(family: IpFamily, tcpBeLiberal: boolean) {
    this.#family = family;
    this.#tcpBeLiberal = tcpBeLiberal;
  }

  tableRules(): readonly TableRules[] {
    if (!this.#exists) return [];
    return (["filter", "nat"] as const).map((table) => {
      return { family: this.#family, table, all: this.installed[table], last: this.#last[table] };
    });
  }

  setNetwork(network: NodeNetwork): void {
    this.#network = network;
  }

  want(service: string, plans: readonly RulePlan[]): void {
    this.#endpoints += endpointsOf(plans) - endpointsOf(this.#wanted.get(service) ?? []);
    if (plans.length === 0) this.#wanted.delete(service);
    else this.#wanted.set(service, plans);
  }

  changes(services: readonly string[]): FamilyTransaction {
    const changed = services.filter((service) => this.#wanted.get(service) !== this.#written.get(service));
    if (changed.length === 0) return { size: 0, commit: () => undefined };
    if (!this.#exists) return this.full();
    const settings = this.#settings(this.#writtenNetwork);
    const made = changed.map((service) =>
      changeOf(this.#written.get(service) ?? [], this.#wanted.get(service) ?? [], settings),
    );
    const changes = made.filter((change) => !isNoChange(change));
    const commit = (): void => {
      for (const service of changed) this.#keep(service, this.#wanted.get(service));
      if (changes.length === 0) return;
      this.installed = changes.reduce((sum, { growth }) => addCounts(sum, growth), this.installed);
      this.#last = changes.reduce((sum, change) => addCounts(sum, writtenBy(change)), noRules);
    };
    if (changes.length === 0) return { size: 0, commit };
    const runs = (_there: RulesOutline, limits: RunLimits) => divided(changes, limits);
    const family = this.#family;
    // oxlint-disable-next-line require-yield
    const steps = function* (): ReturnType<typeof fullSteps> {
      return changeSteps(changes, family);
    };
    return { script: { ...scriptOf(family, runs), steps }, size: changes.length, commit };
  }

  full(stateOf?: FullOptions["stateOf"]): FamilyTransaction {
    if (!this.#isNeeded) {
      const forget = (): void => this.#forget(new Map(), noRules, false);
      return { script: scriptOf(this.#family, removalRuns, true), size: this.#written.size, commit: forget };
    }
    return this.#whole(stateOf === undefined ? this.#wanted : this.#chosen(stateOf));
  }

  ground(): FamilyTransaction {
    return this.#isNeeded ? this.#whole(new Map()) : this.full();
  }

  #chosen(stateOf: NonNullable<FullOptions["stateOf"]>): ReadonlyMap<string, readonly RulePlan[]> {
    const chosen = new Map<string, readonly RulePlan[]>();
    for (const [service, wanted] of this.#wanted) {
      const state = stateOf(service);
      const plans = state === "wanted" ? wanted : this.#written.get(service);
      if (state !== "none" && plans !== undefined) chosen.set(service, plans);
    }
    return chosen;
  }

  #whole(services: ReadonlyMap<string, readonly RulePlan[]>): FamilyTransaction {
    const network = this.#network;
    const settings = this.#settings(network);
    let rules = noRules;
    const counted = (counts: TableCounts): void => {
      rules = counts;
    };
    const parts = { family: this.#family, settings, services: () => services.values(), counted };
    const runs = (there: RulesOutline, limits: RunLimits) => fullRuns(parts, there, limits);
    const commit = (): void => {
      this.#writtenNetwork = network;
      this.#forget(new Map(services), rules, true);
    };
    const lasting = tables.flatMap((table) =>
      fixedChainsOf(table, this.#family, settings).map((chain) => ({ table, chain })),
    );
    const script = { ...scriptOf(this.#family, runs, true), lasting, steps: () => fullSteps(parts) };
    return { script, size: services.size, commit };
  }

  #forget(written: Map<string, readonly RulePlan[]>, installed: TableCounts, exists: boolean): void {
    this.#written = written;
    this.installed = installed;
    this.#last = installed;
    this.#exists = exists;
  }

  #keep(service: string, plans: readonly RulePlan[] | undefined): void {
    if (plans === undefined) this.#written.delete(service);
    else this.#written.set(service, plans);
  }

  /** IPv6 is left alone until something wants it. */
  get #isNeeded(): boolean {
    const { serviceCidrs } = this.#network;
    if (this.#family === "IPv4" || this.#wanted.size > 0) return true;
    return cidrsOfFamily(serviceCidrs, this.#family).length > 0;
  }

  #settings(network: NodeNetwork): RuleSettings {
    return { network, brief: this.#endpoints > manyEndpoints, tcpBeLiberal: this.#tcpBeLiberal };
  }
}

function scriptOf(family: IpFamily, runs: FamilyScript["runs"], needsOutline = false): FamilyScript {
  return { family, needsOutline, runs, removal: removalRuns };
}

/** Many changes make several runs, each with the whole change of some Services. */
function* divided(changes: readonly RuleChange[], { chains }: RunLimits): Iterable<Iterable<string>> {
  let from = 0;
  let defined = 0;
  for (const [i, { written, dropped }] of changes.entries()) {
    defined += written.size + dropped.length;
    if (defined < chains) continue;
    yield inPieces(changeLines(changes.slice(from, i + 1)));
    from = i + 1;
    defined = 0;
  }
  if (from < changes.length) yield inPieces(changeLines(changes.slice(from)));
}

function endpointsOf(plans: readonly RulePlan[]): number {
  return plans.reduce((sum, { cluster, local }) => sum + Math.max(cluster.length, local.length), 0);
}
