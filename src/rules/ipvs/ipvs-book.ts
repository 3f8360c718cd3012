import type { Ip } from "../../core/index.ts";
import { nodeNetwork } from "../../model/index.ts";
import type { NodeNetwork, RuleBook, ServicePlan, Transaction } from "../../model/index.ts";
import { networkMembers } from "./fixed-rules.ts";
import { ItemLedger } from "./item-ledger.ts";
import { Marks } from "./marks.ts";
import { dependsOnNode, isOnNode, memberId, planItems } from "./plan-items.ts";
import type { Item, ItemContext, IpvsScheduler } from "./plan-items.ts";
import { diffStates, stateOf } from "./state.ts";
import type { IpvsState } from "./state.ts";
import type { Statement } from "./statement.ts";

/** What is to be done with the kernel. Only `changes` is known to the last step before the kernel is asked what it has. */
export type IpvsScript =
  | {
      readonly kind: "changes";
      readonly statements: readonly Statement[];
      /** The virtual servers that are new or others than before, by id. */
      readonly servers: IpvsState["servers"];
    }
  | {
      /** The fixed part, and with `state` exactly these virtual servers, members and addresses; `recreate`: nothing that is there is kept. */
      readonly kind: "ground";
      readonly network: NodeNetwork;
      readonly state?: IpvsState;
      readonly recreate: boolean;
    }
  /** Everything of ours goes. */
  | { readonly kind: "removal" };

/** The virtual servers that carry out the plans of all Services, and what of them the kernel has. */
export class IpvsBook implements RuleBook<IpvsScript> {
  #context: ItemContext;
  readonly #ledger = new ItemLedger();
  readonly #marks = new Marks();
  /** Of the Services whose rules are others on another node. */
  readonly #plans = new Map<string, readonly ServicePlan[]>();

  constructor(options: { readonly network?: NodeNetwork; readonly scheduler?: IpvsScheduler } = {}) {
    const { network = nodeNetwork(), scheduler = "rr" } = options;
    const markOf = (id: string): number => this.#marks.of(id, this.#context.network.masqueradeBit);
    this.#context = { network, scheduler, nodeAddresses: [], markOf };
  }

  /** Changes what all Services depend on; takes effect with the next full transaction. */
  setNetwork(network: NodeNetwork): void {
    this.#setContext({ ...this.#context, network });
  }

  /** The node's own addresses, for node ports; takes effect with the next full transaction. */
  setNodeAddresses(nodeAddresses: readonly Ip[]): void {
    const known = this.#context.nodeAddresses;
    if (known.length === nodeAddresses.length && nodeAddresses.every((address) => known.includes(address))) return;
    this.#setContext({ ...this.#context, nodeAddresses });
  }

  /** Replaces the plans of one Service; an empty list removes it. Not between a transaction and its commit. */
  want(service: string, plans: readonly ServicePlan[]): void {
    if (plans.some(dependsOnNode)) this.#plans.set(service, plans);
    else this.#plans.delete(service);
    this.#ledger.want(service, itemsOf(plans, this.#context));
  }

  /** What brings the kernel to the wanted plans of these Services; work is proportional to their change. */
  changes(services: Iterable<string>): Transaction<IpvsScript> {
    const changes = this.#ledger.changes(services);
    const have = stateOf(this.#bound(changes.have));
    const want = stateOf(this.#bound(changes.want));
    const statements = diffStates(have, want, stateOf(this.#bound(changes.doubted)));
    const isEmpty = statements.length === 0;
    return {
      script: { kind: "changes", statements, servers: want.servers },
      isEmpty,
      size: statements.length,
      commit: () => changes.commit(),
    };
  }

  /** Everything: whoever applies it asks the kernel what it has, and changes what differs. */
  full({ recreate = false }: { readonly recreate?: boolean } = {}): Transaction<IpvsScript> {
    const { network } = this.#context;
    const all = this.#ledger.all();
    const state = stateOf([...this.#bound(all.want), ...networkMembers(network).map(memberItem)]);
    return {
      script: { kind: "ground", network, state, recreate },
      isEmpty: false,
      size: all.want.length,
      commit: () => all.commit(),
    };
  }

  /** The fixed part alone: virtual servers stay what they are, and each is told again with the next change. */
  ground(): Transaction<IpvsScript> {
    const { network } = this.#context;
    const script: IpvsScript = { kind: "ground", network, recreate: false };
    return { script, isEmpty: false, size: 0, commit: () => this.#ledger.forgetInstalled() };
  }

  /** Changes nothing, and fails only when the kernel cannot be asked. */
  probe(): IpvsScript {
    return { kind: "changes", statements: [], servers: new Map() };
  }

  removal(): IpvsScript {
    return { kind: "removal" };
  }

  /** Virtual servers, set elements and addresses in the kernel. */
  get installed(): number {
    return this.#ledger.installed;
  }

  /** Without what would bind the node's own addresses once more. */
  #bound(items: readonly Item[]): readonly Item[] {
    const { nodeAddresses } = this.#context;
    return items.filter((item) => !isOnNode(item, nodeAddresses));
  }

  #setContext(context: ItemContext): void {
    this.#context = context;
    for (const [service, plans] of this.#plans) this.#ledger.want(service, itemsOf(plans, context));
  }
}

function itemsOf(plans: readonly ServicePlan[], context: ItemContext): readonly Item[] {
  return plans.flatMap((plan) => planItems(plan, context));
}

function memberItem(member: ReturnType<typeof networkMembers>[number]): Item {
  return { kind: "member", id: memberId(member), member };
}
