import { canonicalJson } from "../core/index.ts";

/** Whether two values of JSON mean the same; absent fields and the order of keys do not count. */
export function same(a: unknown, b: unknown): boolean {
  return a === b || canonicalJson(a) === canonicalJson(b);
}
