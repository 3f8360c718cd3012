import { destinationId } from "./statement.ts";
import { memberId } from "./plan-items.ts";
import type { Item } from "./plan-items.ts";

interface Slot {
  /** Usually one. The first decides; the others wait, as two Services with one external address do. */
  readonly wanted: { readonly owner: string; readonly item: Item }[];
  installed: Item | undefined;
}

/** What the kernel has and what is wanted, of some things, and what to call when the one has become the other. */
export interface ItemChanges {
  readonly have: readonly Item[];
  readonly want: readonly Item[];
  commit(): void;
}

/** Knows which items each Service wants and which ones the kernel has. Work follows the items of the Services that changed. */
export class ItemLedger {
  readonly #slots = new Map<string, Slot>();
  readonly #byOwner = new Map<string, readonly Item[]>();
  /** Items of Services that changed since the last commit. */
  readonly #touched = new Map<string, Set<string>>();
  #installed = 0;

  /** Replaces what `owner` wants. An owner that wants nothing is forgotten. */
  want(owner: string, items: readonly Item[]): void {
    const now = new Map(items.map((item) => [item.id, item] as const).toReversed());
    const touched = this.#touched.get(owner) ?? new Set<string>();
    for (const { id } of this.#byOwner.get(owner) ?? []) {
      touched.add(id);
      if (!now.has(id)) this.#claim(id, owner, undefined);
    }
    for (const [id, item] of now) {
      touched.add(id);
      this.#claim(id, owner, item);
    }
    if (touched.size > 0) this.#touched.set(owner, touched);
    if (now.size === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, [...now.values()]);
  }

  /** What to change for these owners. */
  changes(owners: Iterable<string>): ItemChanges {
    const list = [...owners];
    const have: Item[] = [];
    const want: Item[] = [];
    const slots = new Map<string, Slot>();
    for (const id of list.flatMap((owner) => [...(this.#touched.get(owner) ?? [])])) {
      const slot = this.#slots.get(id);
      if (slot === undefined || slots.has(id)) continue;
      slots.set(id, slot);
      const wanted = slot.wanted[0]?.item;
      if (slot.installed !== undefined && wanted !== undefined && sameItem(slot.installed, wanted)) continue;
      if (slot.installed !== undefined) have.push(slot.installed);
      if (wanted !== undefined) want.push(wanted);
    }
    return {
      have,
      want,
      commit: () => {
        for (const [id, slot] of slots) this.#install(id, slot);
        for (const owner of list) this.#touched.delete(owner);
      },
    };
  }

  /** Everything that is wanted; its commit takes note that the kernel has that and nothing else. */
  all(): ItemChanges {
    const want = [...this.#slots.values()].flatMap(({ wanted }) => wanted[0]?.item ?? []);
    return {
      have: [],
      want,
      commit: () => {
        for (const [id, slot] of this.#slots) this.#install(id, slot);
        this.#touched.clear();
      },
    };
  }

  /** Takes note that nobody knows what the kernel has: whatever changes, everything of that Service is told again. */
  forgetInstalled(): void {
    for (const [id, slot] of this.#slots) {
      slot.installed = undefined;
      if (slot.wanted.length === 0) this.#slots.delete(id);
    }
    this.#installed = 0;
    for (const [owner, items] of this.#byOwner) this.#touched.set(owner, new Set(items.map(({ id }) => id)));
  }

  /** How many items the kernel has. */
  get installed(): number {
    return this.#installed;
  }

  #claim(id: string, owner: string, item: Item | undefined): void {
    const slot: Slot = this.#slots.get(id) ?? { wanted: [], installed: undefined };
    this.#slots.set(id, slot);
    const at = slot.wanted.findIndex((claim) => claim.owner === owner);
    if (item === undefined) {
      if (at >= 0) slot.wanted.splice(at, 1);
    } else if (at >= 0) slot.wanted[at] = { owner, item };
    else slot.wanted.push({ owner, item });
  }

  #install(id: string, slot: Slot): void {
    const wanted = slot.wanted[0]?.item;
    this.#installed += (wanted === undefined ? 0 : 1) - (slot.installed === undefined ? 0 : 1);
    slot.installed = wanted;
    if (wanted === undefined && slot.wanted.length === 0) this.#slots.delete(id);
  }
}

/** Whether the kernel would notice no difference. */
function sameItem(a: Item, b: Item): boolean {
  if (a === b) return true;
  if (a.kind === "member" && b.kind === "member") return memberId(a.member) === memberId(b.member);
  if (a.kind !== "server" || b.kind !== "server") return a.kind === b.kind && a.id === b.id;
  return (
    a.server.scheduler === b.server.scheduler &&
    a.server.persistenceSeconds === b.server.persistenceSeconds &&
    a.destinations.size === b.destinations.size &&
    [...a.destinations.values()].every((one) => b.destinations.get(destinationId(one))?.weight === one.weight)
  );
}
