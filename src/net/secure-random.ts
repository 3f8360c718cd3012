import { randomFillSync } from "node:crypto";
import type { Random } from "../core/index.ts";

/** Random numbers in [0, 1) of 32 bits that cannot be guessed: for ids and choices that attackers must not know. */
export function secureRandom(): Random {
  const pool = new Uint32Array(256);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    return (pool[next++] ?? 0) / 0x1_0000_0000;
  };
}
