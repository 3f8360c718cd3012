import type { Clock } from "../core/index.ts";
import type { KubeObject } from "../objects/index.ts";

/** How long a write may stay unseen before the controller acts on what it sees (it never came, or came and went). */
const patienceMs = 10_000;

interface Expected {
  readonly key: string;
  readonly deadline: number;
  /** Undefined: that the object goes away, or begins to. */
  readonly version: string | undefined;
}

/** Writes that a controller made and has not yet seen in its caches, by the key that it reconciles. */
export interface Expectations {
  /** `object` is what the API answered; `seen` is what the cache has under its name now. */
  written(key: string, object: KubeObject, seen: KubeObject | undefined): void;
  deleted(key: string, object: KubeObject, seen: KubeObject | undefined): void;
  /** To be told of every change of the cache. Returns the key whose last open write this was. */
  observe(now: KubeObject | undefined, before: KubeObject | undefined): string | undefined;
  /** Milliseconds for which the cache may still be behind; 0 when it is current. */
  waitMs(key: string): number;
  forget(key: string): void;
}

/** A controller that creates objects with generated names must not act again before it has seen them. */
export function createExpectations(clock: Clock): Expectations {
  const byUid = new Map<string, Expected>();
  const byKey = new Map<string, Set<string>>();

  const expect = (key: string, object: KubeObject, seen: KubeObject | undefined, version: string | undefined): void => {
    const { uid } = object.metadata;
    if (uid === undefined) return;
    const expected = { key, version, deadline: clock.monotonic() + patienceMs };
    const mine = seen?.metadata.uid === uid ? seen : undefined;
    if ((version === undefined || mine !== undefined) && isMet(expected, mine)) return;
    byUid.set(uid, expected);
    const uids = byKey.get(key) ?? new Set();
    byKey.set(key, uids.add(uid));
  };
  const settle = (uid: string, key: string): string | undefined => {
    byUid.delete(uid);
    const uids = byKey.get(key);
    uids?.delete(uid);
    if (uids !== undefined && uids.size > 0) return undefined;
    byKey.delete(key);
    return key;
  };

  return {
    written: (key, object, seen) => expect(key, object, seen, object.metadata.resourceVersion ?? ""),
    deleted: (key, object, seen) => expect(key, object, seen, undefined),
    observe(now, before) {
      if (byUid.size === 0) return undefined;
      const uid = (now ?? before)?.metadata.uid ?? "";
      const expected = byUid.get(uid);
      return expected !== undefined && isMet(expected, now) ? settle(uid, expected.key) : undefined;
    },
    waitMs(key) {
      let wait = 0;
      for (const uid of byKey.get(key) ?? []) {
        const left = (byUid.get(uid)?.deadline ?? 0) - clock.monotonic();
        if (left > 0) wait = Math.max(wait, left);
        else settle(uid, key);
      }
      return wait;
    },
    forget(key) {
      for (const uid of byKey.get(key) ?? []) byUid.delete(uid);
      byKey.delete(key);
    },
  };
}

function isMet(expected: Expected, now: KubeObject | undefined): boolean {
  if (now === undefined) return true;
  if (expected.version === undefined) return now.metadata.deletionTimestamp !== undefined;
  const [seen, wanted] = [Number(now.metadata.resourceVersion), Number(expected.version)];
  // Versions of one kind may be compared as integers (KEP-5504); anything else is compared for equality only.
  return Number.isNaN(seen) || Number.isNaN(wanted)
    ? now.metadata.resourceVersion === expected.version
    : seen >= wanted;
}
