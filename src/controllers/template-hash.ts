import { canonicalJson, fnv1a } from "../core/index.ts";

const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * A short name for a pod template, as label value and name suffix. Equal templates give equal names; `collisionCount`
 * gives another one when two templates meet.
 */
export function templateHash(template: unknown, collisionCount: number | undefined): string {
  const text = canonicalJson(template) + (collisionCount === undefined ? "" : `/${collisionCount}`);
  // Two hashes of different texts: 32 bits alone would collide now and then.
  const decimal = String((fnv1a(text) % 1_000_000_000) * 10 + (fnv1a(`${text}#`) % 10));
  let hash = "";
  for (const digit of decimal) hash += alphabet[Number(digit) * 2 + (Number(digit) % 3)] ?? "b";
  return hash;
}
