import { destinationId } from "./statement.ts";
import { memberId } from "./plan-items.ts";
import type { Item } from "./plan-items.ts";

interface Claim {
  readonly owner: string;
  readonly item: Item;
}

/** There are five of these for each Service: no list and no second object where one owner is all there is. */
interface Slot {
  /** Who decides, and what he wants; undefined when nobody wants anything any more. */
  owner: string;
  wanted: Item | undefined;
  /** Others, as two Services with one external address. */
  waiting: Claim[] | undefined;
  installed: Item | undefined;
}

/** What the kernel has and what is wanted, of some things, and what to call when the one has become the other. */
export interface ItemChanges {
  readonly have: readonly Item[];
  /** What it may have, or have a part of: somebody began to change these and did not come to the end. None of them is in `have`. */
  readonly doubted: readonly Item[];
  readonly want: readonly Item[];
  commit(): void;
}

/**
 * Knows which items each Service wants and which ones the kernel has. Work follows the items of the Services that changed. Changes without a commit
 * count as made in part, for the kernel makes them one by one.
 */
export class ItemLedger {
  readonly #slots = new Map<string, Slot>();
  readonly #byOwner = new Map<string, readonly Item[]>();
  /** What owners do not want any more since the last commit. */
  readonly #left = new Map<string, string[]>();
  /** Everything that the kernel may have of an item, by its id, after changes that were not committed. */
  readonly #doubted = new Map<string, Item>();
  #installed = 0;

  /** Replaces what `owner` wants; of two items with one id the first counts. An owner that wants nothing is forgotten. */
  want(owner: string, items: readonly Item[]): void {
    const ids = new Set<string>();
    const kept = items.filter(({ id }) => !ids.has(id) && ids.add(id));
    for (const { id } of this.#byOwner.get(owner) ?? []) if (!ids.has(id)) this.#leave(id, owner);
    for (const item of kept) this.#claim(owner, item);
    if (kept.length === 0) this.#byOwner.delete(owner);
    else this.#byOwner.set(owner, kept);
  }

  /** What to change for these owners. */
  changes(owners: Iterable<string>): ItemChanges {
    const list = [...owners];
    const have: Item[] = [];
    const want: Item[] = [];
    const doubted: Item[] = [];
    const slots = new Map<string, Slot>();
    const look = (id: string): void => {
      const slot = this.#slots.get(id);
      if (slot === undefined || slots.has(id)) return;
      slots.set(id, slot);
      const { installed, wanted } = slot;
      const doubt = this.#doubted.get(id);
      if (doubt !== undefined) doubted.push(doubt);
      else if (installed !== undefined && wanted !== undefined && sameItem(installed, wanted)) return;
      else if (installed !== undefined) have.push(installed);
      if (wanted !== undefined) want.push(wanted);
      this.#doubt(id, doubt ?? installed, wanted);
    };
    for (const owner of list) {
      this.#left.get(owner)?.forEach(look);
      for (const { id } of this.#byOwner.get(owner) ?? []) look(id);
    }
    return {
      have,
      doubted,
      want,
      commit: () => {
        for (const [id, slot] of slots) this.#install(id, slot);
        for (const owner of list) this.#left.delete(owner);
      },
    };
  }

  /** Everything that is wanted; its commit takes note that the kernel has that and nothing else. */
  all(): ItemChanges {
    const want: Item[] = [];
    for (const { wanted } of this.#slots.values()) if (wanted !== undefined) want.push(wanted);
    return {
      have: [],
      doubted: [],
      want,
      commit: () => {
        for (const [id, slot] of this.#slots) this.#install(id, slot);
        this.#left.clear();
      },
    };
  }

  /** Takes note that nobody knows what the kernel has: whatever changes, everything of that Service is told again, also what goes. */
  forgetInstalled(): void {
    for (const [id, slot] of this.#slots) {
      this.#doubt(id, this.#doubted.get(id), slot.installed);
      slot.installed = undefined;
    }
    this.#installed = 0;
  }

  /** How many items the kernel has. */
  get installed(): number {
    return this.#installed;
  }

  #claim(owner: string, item: Item): void {
    const slot = this.#slots.get(item.id);
    if (slot === undefined) {
      this.#slots.set(item.id, { owner, wanted: item, waiting: undefined, installed: undefined });
    } else if (slot.wanted === undefined || slot.owner === owner) decide(slot, { owner, item });
    else {
      const at = slot.waiting?.findIndex((claim) => claim.owner === owner) ?? -1;
      if (slot.waiting !== undefined && at >= 0) slot.waiting[at] = { owner, item };
      else (slot.waiting ??= []).push({ owner, item });
    }
  }

  #leave(id: string, owner: string): void {
    const slot = this.#slots.get(id);
    if (slot === undefined) return;
    const left = this.#left.get(owner) ?? [];
    left.push(id);
    this.#left.set(owner, left);
    if (slot.wanted !== undefined && slot.owner === owner) decide(slot, slot.waiting?.shift());
    else if (slot.waiting !== undefined) slot.waiting = slot.waiting.filter((claim) => claim.owner !== owner);
  }

  #doubt(id: string, ...may: readonly (Item | undefined)[]): void {
    const items = may.filter((item) => item !== undefined);
    const [first] = items;
    if (first !== undefined) this.#doubted.set(id, items.reduce(united, first));
  }

  #install(id: string, slot: Slot): void {
    const wanted = slot.wanted;
    this.#installed += (wanted === undefined ? 0 : 1) - (slot.installed === undefined ? 0 : 1);
    slot.installed = wanted;
    this.#doubted.delete(id);
    if (wanted === undefined) this.#slots.delete(id);
  }
}

function decide(slot: Slot, claim: Claim | undefined): void {
  slot.owner = claim?.owner ?? "";
  slot.wanted = claim?.item;
}

/** Items of one id are the same but for the destinations of servers. */
function united(a: Item, b: Item): Item {
  if (a === b || a.kind !== "server" || b.kind !== "server") return b;
  return { ...b, destinations: new Map([...a.destinations, ...b.destinations]) };
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
