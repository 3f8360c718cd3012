import { matchesLabels } from "../objects/index.ts";
import type { StringMap } from "../objects/index.ts";

interface Entry {
  readonly namespace: string;
  readonly selector: StringMap;
  readonly bucket: string;
}

/**
 * Finds the selectors that match a set of labels without looking at all of them: each is filed under one of its own
 * pairs, the least used at that time, so a label that everything carries does not fill one bucket.
 */
export class SelectorIndex {
  readonly #entries = new Map<string, Entry>();
  readonly #buckets = new Map<string, Set<string>>();

  /** Files `key`; an absent or empty selector matches nothing and is only removed. */
  set(key: string, namespace: string, selector: StringMap | undefined): void {
    this.delete(key);
    const pairs = Object.entries(selector ?? {});
    if (selector === undefined || pairs.length === 0) return;
    let best = "";
    let least = Infinity;
    for (const [name, value] of pairs) {
      const bucket = bucketOf(namespace, name, value);
      const size = this.#buckets.get(bucket)?.size ?? 0;
      if (size < least) [best, least] = [bucket, size];
    }
    this.#entries.set(key, { namespace, selector, bucket: best });
    const keys = this.#buckets.get(best) ?? new Set();
    this.#buckets.set(best, keys.add(key));
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    const keys = this.#buckets.get(entry.bucket);
    keys?.delete(key);
    if (keys?.size === 0) this.#buckets.delete(entry.bucket);
  }

  /** The keys whose selector matches these labels in this namespace. */
  matching(namespace: string, labels: StringMap | undefined): readonly string[] {
    const found: string[] = [];
    for (const [name, value] of Object.entries(labels ?? {})) {
      for (const key of this.#buckets.get(bucketOf(namespace, name, value)) ?? []) {
        const entry = this.#entries.get(key);
        if (entry !== undefined && matchesLabels(entry.selector, labels)) found.push(key);
      }
    }
    return found;
  }
}

function bucketOf(namespace: string, name: string, value: string): string {
  return `${namespace}/${name}=${value}`;
}
