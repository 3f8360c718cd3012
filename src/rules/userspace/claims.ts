/**
 * Who wants something under a name. Usually one; when two Services have the same external address, the first one has it
 * and the others wait.
 */
export class Claims<T> {
  /** A list only where there are several: one array for each of 50,000 Services would be felt. */
  readonly #claims = new Map<string, Claim<T> | readonly Claim<T>[]>();

  /** Adds or replaces what `owner` wants; its place in the queue stays. */
  add(name: string, owner: string, value: T): void {
    const claim = { owner, value };
    const known = this.#claims.get(name);
    if (known === undefined) return void this.#claims.set(name, claim);
    const list = "owner" in known ? [known] : known;
    const isNew = list.every((one) => one.owner !== owner);
    const changed = isNew ? [...list, claim] : list.map((one) => (one.owner === owner ? claim : one));
    this.#set(name, changed);
  }

  remove(name: string, owner: string): void {
    const known = this.#claims.get(name);
    if (known === undefined) return;
    this.#set(
      name,
      ("owner" in known ? [known] : known).filter((one) => one.owner !== owner),
    );
  }

  /** What the first one wants. */
  first(name: string): T | undefined {
    const known = this.#claims.get(name);
    return known === undefined ? undefined : "owner" in known ? known.value : known[0]?.value;
  }

  get size(): number {
    return this.#claims.size;
  }

  #set(name: string, list: readonly Claim<T>[]): void {
    const [first] = list;
    if (first === undefined) this.#claims.delete(name);
    else this.#claims.set(name, list.length === 1 ? first : list);
  }
}

interface Claim<T> {
  readonly owner: string;
  readonly value: T;
}
