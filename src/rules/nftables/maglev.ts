import { maglevTable } from "../../core/index.ts";

/** Sizes of tables; the first that has 25 slots for an endpoint is taken, the last when none has. 251 is what IPVS takes. */
const primes = [251, 1021, 4093, 16_381] as const;

/** The addresses of a list in the order of a Maglev table: `shares` are the slots that an address takes in each round. */
export function maglevSlots(addresses: readonly string[], shares: readonly number[]): readonly string[] {
  const size = primes.find((prime) => prime >= addresses.length * 25) ?? primes[3];
  return Array.from(maglevTable(addresses, shares, size), (index) => addresses[index] ?? "");
}
