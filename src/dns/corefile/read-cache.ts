import {
  expectArguments,
  onlyArgument,
  readChoice,
  readDuration,
  readInteger,
  readProperties,
  readZoneList,
} from "./arguments.ts";
import type { Directive } from "./blocks.ts";
import type { CacheKindSettings, CacheSettings } from "./configuration.ts";
import { corefileError } from "./place.ts";

const longestSuccess = 3600;
const longestDenial = 1800;
const shortest = 5;
/** Answers of each kind. */
const standardCapacity = 9984;
const longestServfailMs = 300_000;

/** `cache [TTL] [ZONES...] { ... }` */
export function readCache(plugin: Directive): CacheSettings {
  const [first] = plugin.args;
  const hasTtl = first !== undefined && /^-?[0-9]+$/.test(first.text);
  const ttl = hasTtl ? readInteger(first, 1, 0x7fff_ffff) : undefined;
  const kind = (longest: number): CacheKindSettings => ({
    capacity: standardCapacity,
    maxTtl: ttl ?? longest,
    minTtl: Math.min(shortest, ttl ?? longest),
    disabled: [],
  });
  let settings: CacheSettings = {
    zones: readZoneList(plugin.args.slice(hasTtl ? 1 : 0)),
    success: kind(longestSuccess),
    denial: kind(longestDenial),
    servfailMs: 5000,
    keepTtl: false,
  };
  let policy: Directive | undefined;
  const set = (change: Partial<CacheSettings>) => {
    settings = { ...settings, ...change };
  };
  readProperties(plugin, {
    success: (property) => set({ success: readKind(property, settings.success) }),
    denial: (property) => set({ denial: readKind(property, settings.denial) }),
    prefetch: (property) => set({ prefetch: readPrefetch(property) }),
    serve_stale: (property) => set({ serveStale: readServeStale(property) }),
    serve_stale_policy: (property) => {
      readChoice(onlyArgument(property, "serve_stale_policy prefer_positive"), ["prefer_positive"]);
      policy = property;
    },
    servfail: (property) => {
      const word = onlyArgument(property, "servfail DURATION");
      const servfailMs = readDuration(word);
      if (servfailMs > longestServfailMs) throw corefileError(word, "cache: failures are kept for at most 5m");
      set({ servfailMs });
    },
    disable: (property) => {
      expectArguments(property, 1, Infinity, "disable success|denial [ZONES...]");
      const [what, ...zones] = property.args;
      if (what === undefined) throw new TypeError("Arguments were counted before");
      const which = readChoice(what, ["success", "denial"]);
      const before = settings[which].disabled;
      const disabled = zones.length === 0 || before === "all" ? "all" : [...before, ...readZoneList(zones)];
      set({ [which]: { ...settings[which], disabled } });
    },
    keepttl: (property) => {
      expectArguments(property, 0, 0, "keepttl");
      set({ keepTtl: true });
    },
  });
  if (policy === undefined) return settings;
  if (settings.serveStale === undefined) {
    throw corefileError(policy, "cache: serve_stale_policy says which stale answers to serve: add serve_stale");
  }
  return { ...settings, serveStale: { ...settings.serveStale, prefersPositive: true } };
}

function readKind(property: Directive, before: CacheKindSettings): CacheKindSettings {
  expectArguments(property, 1, 3, `${property.name} CAPACITY [TTL] [MINTTL]`);
  const [capacity, ttl, minTtl] = property.args;
  const maxTtl = ttl === undefined ? before.maxTtl : readInteger(ttl, 0, 0x7fff_ffff);
  return {
    ...before,
    capacity: capacity === undefined ? before.capacity : readInteger(capacity, 0, 1e8),
    maxTtl,
    minTtl: minTtl === undefined ? Math.min(before.minTtl, maxTtl) : readInteger(minTtl, 0, maxTtl),
  };
}

function readPrefetch(property: Directive): NonNullable<CacheSettings["prefetch"]> {
  expectArguments(property, 1, 3, "prefetch AMOUNT [DURATION [PERCENTAGE%]]");
  const [amount, duration, percentage] = property.args;
  if (percentage !== undefined && !percentage.text.endsWith("%")) {
    throw corefileError(percentage, `cache: write ${percentage.text}% with its percent sign`);
  }
  const number = percentage === undefined ? undefined : { ...percentage, text: percentage.text.slice(0, -1) };
  return {
    amount: amount === undefined ? 0 : readInteger(amount, 0, 1e9),
    durationMs: duration === undefined ? 60_000 : readDuration(duration),
    percentage: number === undefined ? 10 : readInteger(number, 10, 90),
  };
}

function readServeStale(property: Directive): NonNullable<CacheSettings["serveStale"]> {
  expectArguments(property, 0, 5, "serve_stale [DURATION] [immediate|verify [TIMEOUT]] [TTL [RECHECK]]");
  const [duration, mode, ...times] = property.args;
  const chosen =
    mode === undefined ? "immediate" : readChoice({ ...mode, text: mode.text.toLowerCase() }, ["immediate", "verify"]);
  const [timeout, ttl, recheck, ...others] = chosen === "verify" ? times : [undefined, ...times];
  const [extra] = others;
  if (extra !== undefined) throw corefileError(extra, "cache: only serve_stale ... verify takes a timeout");
  return {
    forMs: duration === undefined ? 3_600_000 : readDuration(duration),
    mode: chosen,
    ...(timeout === undefined ? {} : { verifyTimeoutMs: readDuration(timeout) }),
    ...(ttl === undefined ? {} : { ttl: Math.floor(readDuration(ttl) / 1000) }),
    ...(recheck === undefined ? {} : { recheckMs: readDuration(recheck) }),
  };
}
