import type { PlannedElement } from "./plan-elements.ts";
import type { Element, Statement } from "./statement.ts";

/** What is wanted for one key of one set, by whom, and what the kernel has. */
interface Slot {
  /** Usually one. The first decides; the others wait, as two Services with one external address do. */
  readonly wanted: { readonly owner: string; readonly element: PlannedElement }[];
  installed: Element | undefined;
}

/** The steps of one transaction, and what to call when the kernel has taken them. */
export interface ElementChanges {
  readonly deletions: readonly Statement[];
  readonly additions: readonly Statement[];
  /** The elements that are added, for their shapes. */
  readonly added: readonly PlannedElement[];
  readonly size: number;
  commit(): void;
}

/**
 * Knows which elements each owner (a Service) wants and which ones the kernel has. Work is proportional to the elements of the
 * owners that changed, never to the size of the table.
 */
export class ElementLedger {
  readonly #sets = new Map<string, Map<string, Slot>>();
  readonly #byOwner = new Map<string, readonly PlannedElement[]>();
  #installed = 0;

  /** Replaces what `owner` wants. An owner that wants nothing is forgotten. */
  want(owner: string, elements: readonly PlannedElement[]): void {
    const distinct = distinctElements(elements);
    const before = this.#byOwner.get(owner) ?? [];
    const same = new Set<string>();
    for (const element of distinct) {
      const wanted = this.#slot(element).wanted;
      const at = wanted.findIndex((claim) => claim.owner === owner);
      if (at >= 0) wanted[at] = { owner, element };
      else wanted.push({ owner, element });
      same.add(idOf(element));
    }
    for (const element of before) {
      if (same.has(idOf(element))) continue;
      const { wanted } = this.#slot(element);
      const at = wanted.findIndex((claim) => claim.owner === owner);
      if (at >= 0) wanted.splice(at, 1);
    }
    if (distinct.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, distinct);
  }

  /** What `owner` wants now. */
  wantedBy(owner: string): readonly PlannedElement[] {
    return this.#byOwner.get(owner) ?? [];
  }

  /** The changes that bring the kernel to what is wanted, looking only at these elements. */
  changes(touched: Iterable<Element>): ElementChanges {
    const deletions = new Map<string, Element[]>();
    const additions = new Map<string, PlannedElement[]>();
    const added: PlannedElement[] = [];
    const commits: (() => void)[] = [];
    const seen = new Set<Slot>();
    let size = 0;
    for (const { set, key } of touched) {
      const slots = this.#sets.get(set);
      const slot = slots?.get(key);
      if (slots === undefined || slot === undefined || seen.has(slot)) continue;
      seen.add(slot);
      const wanted = slot.wanted[0]?.element;
      const { installed } = slot;
      if (wanted === undefined && installed === undefined) slots.delete(key);
      // A comment is not worth a change.
      if (
        wanted === undefined ? installed === undefined : installed !== undefined && installed.value === wanted.value
      ) {
        continue;
      }
      if (installed !== undefined) push(deletions, set, installed);
      if (wanted !== undefined) {
        push(additions, set, wanted);
        added.push(wanted);
      }
      size++;
      commits.push(() => {
        this.#install(slot, wanted);
        if (wanted === undefined && slot.wanted.length === 0) slots.delete(key);
      });
    }
    return {
      deletions: [...deletions].map(([set, elements]) => ({ kind: "delete-elements", set, elements })),
      additions: [...additions].map(([set, elements]) => ({ kind: "add-elements", set, elements })),
      added,
      size,
      commit: () => commits.forEach((commit) => commit()),
    };
  }

  /** Everything that is wanted, for a kernel whose sets are empty. */
  fullChanges(): ElementChanges {
    const additions = new Map<string, PlannedElement[]>();
    const added: PlannedElement[] = [];
    for (const [set, slots] of this.#sets) {
      for (const { wanted } of slots.values()) {
        const element = wanted[0]?.element;
        if (element === undefined) continue;
        push(additions, set, element);
        added.push(element);
      }
    }
    return {
      deletions: [],
      additions: [...additions].map(([set, elements]) => ({ kind: "add-elements", set, elements })),
      added,
      size: added.length,
      commit: () => {
        this.forgetInstalled();
        for (const element of added) this.#install(this.#slot(element), element);
      },
    };
  }

  /** All who want something. */
  owners(): readonly string[] {
    return [...this.#byOwner.keys()];
  }

  /** How many elements the kernel has. */
  get installed(): number {
    return this.#installed;
  }

  /** Takes note that the kernel has none of the elements any more. */
  forgetInstalled(): void {
    this.#installed = 0;
    for (const slots of this.#sets.values()) {
      for (const [key, slot] of slots) {
        slot.installed = undefined;
        if (slot.wanted.length === 0) slots.delete(key);
      }
    }
  }

  #install(slot: Slot, element: Element | undefined): void {
    this.#installed += (element === undefined ? 0 : 1) - (slot.installed === undefined ? 0 : 1);
    slot.installed = element;
  }

  #slot({ set, key }: Element): Slot {
    const slots = this.#sets.get(set) ?? new Map<string, Slot>();
    this.#sets.set(set, slots);
    const slot: Slot = slots.get(key) ?? { wanted: [], installed: undefined };
    slots.set(key, slot);
    return slot;
  }
}

function idOf({ set, key }: Element): string {
  return `${set} ${key}`;
}

function distinctElements(elements: readonly PlannedElement[]): readonly PlannedElement[] {
  const found = new Map<string, PlannedElement>();
  for (const element of elements) if (!found.has(idOf(element))) found.set(idOf(element), element);
  return found.size === elements.length ? elements : [...found.values()];
}

function push<T>(lists: Map<string, T[]>, key: string, value: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
