/** A source of random numbers in [0, 1). The shells pass `Math.random`; tests pass `seededRandom`. */
export type Random = () => number;

/** Deterministic pseudo-random numbers (mulberry32), for tests and reproducible choices. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const nameAlphabet = "bcdfghjklmnpqrstvwxz2456789";

/** The random suffix of generated names: `length` characters of Kubernetes' vowel-free alphabet. */
export function randomNameSuffix(random: Random, length = 5): string {
  let text = "";
  for (let i = 0; i < length; i++) text += nameAlphabet[Math.floor(random() * nameAlphabet.length)];
  return text;
}
