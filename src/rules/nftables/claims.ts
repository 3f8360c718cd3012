import { placeOf, placesIn } from "./element-text.ts";
import type { ElementSet, Line } from "./element-text.ts";

/**
 * Who has which entry. Two Services can want the same one, as with one external address: the first has it, with all that belongs
 * to it, and the next gets it when the first lets go.
 */
export class Claims {
  /** The only one who wants an entry, or all of them in their order. */
  readonly #claimants = new Map<string, string | readonly string[]>();
  #contested = 0;

  /** Changes what `owner` claims from one text's to another's; returns those who gained an entry or lost one by it. */
  change(owner: string, before: string, now: string): readonly string[] {
    const affected = new Set<string>();
    const keep = claimsOf(now);
    for (const claim of claimsOf(before)) if (!keep.has(claim)) this.#release(claim, owner, affected);
    for (const claim of keep) this.#take(claim, owner);
    return [...affected];
  }

  /** Whether an element of this owner's is in force. */
  holds(owner: string, line: Line): boolean {
    if (this.#contested === 0) return true;
    const claimants = this.#claimants.get(claimOf(line));
    return claimants === undefined || typeof claimants === "string" || claimants[0] === owner;
  }

  /** Whether every element of everyone is in force. */
  get uncontested(): boolean {
    return this.#contested === 0;
  }

  #take(claim: string, owner: string): void {
    const claimants = this.#claimants.get(claim);
    if (claimants === undefined) this.#claimants.set(claim, owner);
    else if (typeof claimants === "string") {
      if (claimants === owner) return;
      this.#claimants.set(claim, [claimants, owner]);
      this.#contested++;
    } else if (!claimants.includes(owner)) this.#claimants.set(claim, [...claimants, owner]);
  }

  #release(claim: string, owner: string, affected: Set<string>): void {
    const claimants = this.#claimants.get(claim);
    if (claimants === owner) this.#claimants.delete(claim);
    if (claimants === undefined || typeof claimants === "string") return;
    const rest = claimants.filter((other) => other !== owner);
    const [next = ""] = rest;
    if (claimants[0] === owner) affected.add(next);
    if (rest.length > 1) this.#claimants.set(claim, rest);
    else {
      this.#claimants.set(claim, next);
      this.#contested--;
    }
  }
}

const claimed: ReadonlySet<ElementSet> = new Set<ElementSet>(["services", "no-endpoints", "cluster-ips", "hairpin"]);
const noEndpoints = placeOf("no-endpoints", "");

/** What a text claims: its entries, and what several Services may share. */
function claimsOf(text: string): ReadonlySet<string> {
  const claims = new Set<string>();
  if (text === "") return claims;
  for (const place of placesIn(text, claimed)) {
    claims.add(place.startsWith(noEndpoints) ? placeOf("services", place.slice(1)) : place);
  }
  return claims;
}

/** The claim by which an element stands or falls. */
function claimOf({ set, key }: Line): string {
  switch (set) {
    case "endpoints":
      return placeOf("services", key.slice(0, key.lastIndexOf(" . ")));
    case "source-ranges": {
      const [address = "", , protocol = "", port = ""] = key.split(" . ");
      return placeOf("services", `${address} . ${protocol} . ${port}`);
    }
    case "services":
    case "short-circuits":
    case "local-services":
    case "no-endpoints":
    case "guarded":
    case "sticky-services":
      return placeOf("services", key);
    case "cluster-ips":
    case "hairpin":
    case "sticky-slots":
    case "sticky-endpoints":
    case "sticky-local-endpoints":
      return placeOf(set, key);
  }
}
