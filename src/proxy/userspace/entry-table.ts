/**
 * Who is served at an entry. Usually one; when two Services have the same external address, the first one has it and the
 * others wait.
 */
export class EntryTable<T extends { readonly service: string }> {
  /** A list only where there are several: one array for each of 50,000 Services would be felt. */
  readonly #entries = new Map<string, T | readonly T[]>();

  /** Adds or replaces what the value's Service has here; its place in the queue stays. */
  add(entry: string, value: T): void {
    const known = this.#entries.get(entry);
    if (known === undefined || ("service" in known && known.service === value.service)) {
      this.#entries.set(entry, value);
      return;
    }
    const list = this.#list(entry);
    const isNew = list.every(({ service }) => service !== value.service);
    this.#set(entry, isNew ? [...list, value] : list.map((one) => (one.service === value.service ? value : one)));
  }

  remove(entry: string, service: string): void {
    this.#set(
      entry,
      this.#list(entry).filter((one) => one.service !== service),
    );
  }

  first(entry: string): T | undefined {
    return this.#list(entry)[0];
  }

  #list(entry: string): readonly T[] {
    const known = this.#entries.get(entry);
    return known === undefined ? [] : "service" in known ? [known] : known;
  }

  #set(entry: string, list: readonly T[]): void {
    const [first] = list;
    if (first === undefined) this.#entries.delete(entry);
    else this.#entries.set(entry, list.length === 1 ? first : list);
  }
}
