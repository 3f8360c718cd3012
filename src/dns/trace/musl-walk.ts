import { parseName } from "../../codec/index.ts";
import type { ResolverSettings } from "./resolver-settings.ts";
import type {
  AskedQuery,
  Asked,
  Lookup,
  LookupEnd,
  LookupType,
  NameOrigin,
  Reply,
  ResolverWalk,
  Walk,
} from "./resolver-step.ts";

/** What became of one name. Only after "no such name" the next one is tried. */
interface NameEnd {
  readonly end: LookupEnd;
  readonly why: string;
}

/** musl takes names of up to 254 bytes. */
const longestName = 254;

/**
 * How musl's resolver walks: A and AAAA to all servers at once, the first certain answer counts; no search for names with
 * `ndots` dots or more, else the search list and then the name as it stands; on to the next name after NXDOMAIN only
 * (`lookup_name.c` and `res_msend.c` of musl 1.2.4 and later). SRV and PTR are never searched for.
 */
export function* muslWalk(settings: ResolverSettings, lookup: Lookup): ResolverWalk {
  const { name, types } = lookup;
  const dots = name.split(".").length - 1;
  const isSearched = types.every((type) => type === "A" || type === "AAAA");
  const searches = name.endsWith(".") || dots >= settings.ndots || !isSearched ? [] : settings.searches;
  for (const [index, domain] of searches.entries()) {
    const text = `${name}.${domain}`;
    if (text.length > longestName || parseName(text) === undefined) {
      yield { kind: "skipped", domain, why: "the name with it is none that can be asked for" };
      continue;
    }
    const one = yield* tryName(settings, text, types, { kind: "search", index, domain });
    const goesOn = one.end === "no such name";
    const why = one.end === "no data" ? `${one.why}, after which musl searches no further` : one.why;
    yield { kind: "decided", goesOn, why };
    if (!goesOn) return one.end;
  }
  const last = yield* tryName(settings, name, types, { kind: "as-is" });
  const more =
    last.end === "found"
      ? ""
      : searches.length > 0 || settings.searches.length === 0
        ? "; nothing is left to try"
        : `; ${noSearch(settings, name, isSearched)}`;
  yield { kind: "decided", goesOn: false, why: `${last.why}${more}` };
  return last.end;
}

function noSearch({ ndots }: ResolverSettings, name: string, isSearched: boolean): string {
  if (!isSearched) return "musl searches for addresses only";
  return name.endsWith(".")
    ? "the dot at its end forbids a search"
    : `musl does not search for names with ${ndots} dots or more`;
}

function* tryName(
  settings: ResolverSettings,
  text: string,
  types: readonly LookupType[],
  origin: NameOrigin,
): Walk<NameEnd> {
  const { servers, timeoutMs, attempts } = settings;
  const known = new Map<LookupType, Reply>();
  const interval = timeoutMs / attempts;
  let useless: Reply | undefined;
  let isRefused = false;
  for (let attempt = 0; attempt < attempts; attempt++) {
    let left = interval;
    // It sends at once again after SERVFAIL, but not forever.
    let failuresLeft = 2 * types.length;
    let again = attempt === 0 ? undefined : "no certain answer came";
    while (left > 0) {
      const missing = types.filter((type) => !known.has(type));
      const asked: Asked = yield {
        kind: "ask",
        name: text.endsWith(".") ? text : `${text}.`,
        origin,
        types: missing,
        servers,
        transport: "udp",
        inTurn: false,
        waitMs: left,
        enough: "certain",
        again,
      };
      left -= asked.elapsedMs;
      for (const { type, outcome } of asked.queries) {
        if (outcome.kind !== "reply") continue;
        if (isCertain(outcome)) {
          if (!known.has(type)) known.set(type, outcome);
        } else useless = outcome;
      }
      if (known.size === types.length) return judged(yield* overTcp(settings, text, origin, types, known));
      const failures = asked.queries.filter(({ type, outcome }) => !known.has(type) && isFailure(outcome)).length;
      isRefused = asked.queries.every(({ outcome }) => outcome.kind !== "timeout");
      if (failures === 0 || failuresLeft === 0) break;
      failuresLeft = Math.max(0, failuresLeft - failures);
      again = "SERVFAIL is tried again at once";
    }
    if (left > 0 && isRefused) yield { kind: "wait", ms: left, why: "musl waits for a better answer" };
  }
  // Types are looked at in their order: one that is denied denies the name, whatever happened to the next.
  const [firstType] = types;
  const first = firstType === undefined ? undefined : known.get(firstType);
  if (first?.rcode === "NXDOMAIN") return judged([first]);
  const why = useless === undefined ? "no answer came" : `the answer is ${useless.rcode}, which musl takes for none`;
  return { end: "try again", why };
}

/** Asks again over TCP for what was cut. */
function* overTcp(
  settings: ResolverSettings,
  text: string,
  origin: NameOrigin,
  types: readonly LookupType[],
  known: ReadonlyMap<LookupType, Reply>,
): Walk<readonly Reply[]> {
  const cut = types.filter((type) => known.get(type)?.truncated === true);
  const whole = new Map(known);
  if (cut.length > 0) {
    const asked: Asked = yield {
      kind: "ask",
      name: text.endsWith(".") ? text : `${text}.`,
      origin,
      types: cut,
      servers: settings.servers.slice(0, 1),
      transport: "tcp",
      inTurn: false,
      waitMs: settings.timeoutMs,
      enough: "any",
      again: "the answer was cut",
    };
    for (const { type, outcome } of asked.queries) if (outcome.kind === "reply") whole.set(type, outcome);
  }
  return [...whole.values()];
}

function isCertain({ rcode }: Reply): boolean {
  return rcode === "NOERROR" || rcode === "NXDOMAIN";
}

function isFailure(outcome: AskedQuery["outcome"]): boolean {
  return outcome.kind === "reply" && outcome.rcode === "SERVFAIL";
}

function judged(replies: readonly Reply[]): NameEnd {
  if (replies.some(({ rcode }) => rcode === "NXDOMAIN")) return { end: "no such name", why: "it does not exist" };
  if (replies.some(({ wanted }) => wanted > 0)) return { end: "found", why: "it has what was asked for" };
  return { end: "no data", why: "it exists without such records" };
}
