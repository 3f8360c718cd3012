import type { ListedSet } from "../../rules/ipvs/index.ts";
import type { IpvsStep, SetHeader } from "./ipvs-port.ts";

/** How many elements each set must have after what it was told of: another number says that somebody else was there. */
export class SetSizes {
  readonly #elements = new Map<string, Set<string>>();
  #references = 0;

  /** The kernel has exactly these. */
  note(listed: readonly ListedSet[]): void {
    this.#elements.clear();
    for (const { name, elements } of listed) {
      this.#elements.set(name, new Set(elements.map(({ element }) => element)));
    }
  }

  /** Whether the sets have as many elements as they must, and no fewer rules that name them than at the last call. */
  are(headers: readonly SetHeader[]): boolean {
    const found = new Map(headers.map((header) => [header.name, header]));
    const references = headers.reduce((sum, header) => sum + header.references, 0);
    const before = this.#references;
    this.#references = references;
    for (const [name, { size }] of this.#elements) if (found.get(name)?.elements !== size) return false;
    return references >= before;
  }

  /** Takes note of how many rules name the sets. */
  refer(headers: readonly SetHeader[]): void {
    this.#references = headers.reduce((sum, header) => sum + header.references, 0);
  }

  /** Hears of what comes and goes. */
  applied(step: IpvsStep): void {
    if (step.kind === "sets") {
      for (const { name } of step.create) if (!this.#elements.has(name)) this.#elements.set(name, new Set());
      for (const name of step.destroy) this.#elements.delete(name);
    } else if (step.kind === "members") {
      for (const { kind, set, element } of step.changes) this.#elements.get(set)?.[kind](element);
    }
  }
}
