import { fnv1a } from "../../core/index.ts";

/**
 * Session affinity goes by numbers of 32 bits: the upper 18 say which port of a Service, the lower 14 which of its endpoints,
 * 0 meaning none. Both are hashes of names, so that they are the same after a restart of the agent, and clients stay.
 */
const endpointBits = 14;

/** Takes the number of an endpoint to that of its Service's port. */
export const servicePartMask = 0xffff_c000;

const servicePlaces = 2 ** 18;
const endpointPlaces = 2 ** endpointBits - 1;

/** Gives each port of a Service that has session affinity a number of its own. */
export class StickyNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #taken = new Set<number>();

  /** The number of a port, such as `tour/web:http TCP`; `undefined` when all are taken. */
  of(port: string): number | undefined {
    const known = this.#numbers.get(port);
    if (known !== undefined || this.#taken.size === servicePlaces) return known;
    let place = fnv1a(port) % servicePlaces;
    while (this.#taken.has(place)) place = (place + 1) % servicePlaces;
    this.#taken.add(place);
    const number = place * 2 ** endpointBits;
    this.#numbers.set(port, number);
    return number;
  }

  /** Gives a number back, for a port that has no affinity any more. */
  release(port: string): void {
    const number = this.#numbers.get(port);
    if (number === undefined) return;
    this.#numbers.delete(port);
    this.#taken.delete(number / 2 ** endpointBits);
  }
}

/** The numbers of a port's endpoints, by their addresses. Those that have one in `before` keep it. */
export function endpointNumbers(
  servicePart: number,
  addresses: Iterable<string>,
  before: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const distinct = new Set(addresses);
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  for (const address of distinct) {
    const number = before.get(address);
    if (number === undefined || (number & servicePartMask) >>> 0 !== servicePart) continue;
    numbers.set(address, number);
    taken.add(number);
  }
  for (const address of distinct) {
    if (numbers.has(address) || taken.size === endpointPlaces) continue;
    let place = fnv1a(address) % endpointPlaces;
    while (taken.has(servicePart + place + 1)) place = (place + 1) % endpointPlaces;
    taken.add(servicePart + place + 1);
    numbers.set(address, servicePart + place + 1);
  }
  return numbers;
}
