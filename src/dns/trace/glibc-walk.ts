import { parseName } from "../../codec/index.ts";
import type { ResolverSettings } from "./resolver-settings.ts";
import type { Ask, Asked, Lookup, LookupEnd, NameOrigin, Reply, ResolverWalk, Walk } from "./resolver-step.ts";

/** What became of one name. */
interface NameEnd {
  readonly end: LookupEnd;
  readonly why: string;
  /** What the search does then. "ends": no further search domain, but the name as it stands; "stops": nothing more. */
  readonly search: "goes on" | "ends" | "stops";
  readonly isServfail?: boolean;
  /** Found, and more than there is room for. */
  readonly hasNoRoom?: boolean;
}

/** A lookup under way. */
interface Sender {
  readonly settings: ResolverSettings;
  readonly types: Lookup["types"];
  /** Which server is asked first, when they take turns. */
  next: number;
  /** How careful it has become: 1 sends queries one after the other, 2 over different sockets, too. */
  care: 0 | 1 | 2;
  /** Bytes that there are for names and addresses. */
  room: number;
}

/**
 * How glibc's resolver walks: A and AAAA together; the search list first when the name has fewer dots than `ndots`, else
 * last; on to the next name after NXDOMAIN, after an answer without records, and after SERVFAIL when all servers said so
 * every time (`res_query.c` and `res_send.c` of glibc). `firstServer` is where `rotate` begins.
 */
export function* glibcWalk(settings: ResolverSettings, lookup: Lookup, firstServer = 0): ResolverWalk {
  const types = settings.noAaaa ? lookup.types.filter((type) => type !== "AAAA") : lookup.types;
  const room = lookup.types.length > 1 ? firstRoom : Infinity;
  const sender: Sender = { settings, types, next: firstServer, care: settings.inTurn ? 1 : 0, room };
  // With too little room for all addresses, everything is asked once more, with twice as much.
  for (;;) {
    const end = yield* search(sender, lookup.name);
    if (end !== "no room") return end;
    sender.room *= 2;
  }
}

/** `getaddrinfo()` begins with a buffer of so many bytes, in which an address of either family takes 40. */
const firstRoom = 1024;
const bytesOfAddress = 40;

function* search(sender: Sender, name: string): Walk<LookupEnd | "no room"> {
  const { settings } = sender;
  const dots = name.split(".").length - 1;
  const isFinal = name.endsWith(".");
  const searches = isFinal ? [] : settings.searches;
  let asIs: NameEnd | undefined;
  if (isFinal || dots >= settings.ndots) {
    asIs = yield* tryName(sender, name, { kind: "as-is" });
    const isMore = asIs.search !== "stops" && searches.length > 0;
    yield* decided(asIs, isMore, isFinal && asIs.end !== "found" ? "; the dot at its end forbids a search" : "");
    if (!isMore) return resultOf(asIs);
  }
  const skipsAsIs = settings.noTopLevel && dots === 0 && searches.length > 0;
  const hasRoot = searches.some((domain) => withoutDots(domain) === "");
  const mayTryAsIs = asIs === undefined && !hasRoot && !skipsAsIs;
  let sawNoData = false;
  let sawServfail = false;
  for (const [index, domain] of searches.entries()) {
    const suffix = withoutDots(domain);
    const one = yield* tryName(sender, suffix === "" ? name : `${name}.${suffix}`, { kind: "search", index, domain });
    sawNoData ||= one.end === "no data";
    sawServfail ||= one.isServfail === true;
    const isLast = one.search !== "goes on" || index === searches.length - 1;
    const isMore = one.search !== "stops" && (!isLast || mayTryAsIs);
    yield* decided(one, isMore, one.search === "ends" ? ", so no further search domain is tried" : "");
    if (one.search === "stops") return resultOf(one);
    if (isLast) break;
  }
  let last: LookupEnd = "no such name";
  if (mayTryAsIs) {
    const one = yield* tryName(sender, name, { kind: "as-is" });
    yield* decided(one, false, "");
    if (one.search === "stops") return resultOf(one);
    last = one.end;
  }
  // What the name as it stands led to goes before what the search did, when it was asked first.
  if (asIs !== undefined) return asIs.end;
  if (sawNoData) return "no data";
  return sawServfail ? "try again" : last;
}

function resultOf({ end, hasNoRoom }: NameEnd): LookupEnd | "no room" {
  return hasNoRoom === true ? "no room" : end;
}

function withoutDots(domain: string): string {
  return domain.replace(/^\./, "").replace(/\.$/, "");
}

function* decided({ end, why, hasNoRoom }: NameEnd, goesOn: boolean, more: string): Walk<void> {
  if (hasNoRoom === true) {
    yield {
      kind: "decided",
      goesOn: true,
      why: `${why}, but so many addresses that glibc asks for all again with more room`,
    };
    return;
  }
  const last = goesOn || end === "found" || more !== "" ? "" : "; nothing is left to try";
  yield { kind: "decided", goesOn, why: `${why}${more}${last}` };
}

function* tryName(sender: Sender, text: string, origin: NameOrigin): Walk<NameEnd> {
  if (parseName(text) === undefined) {
    return { end: "failure", why: `${JSON.stringify(text)} is too long to be asked for`, search: "ends" };
  }
  const { settings, types } = sender;
  const { servers, attempts, timeoutMs } = settings;
  const first = settings.rotate ? sender.next++ % servers.length : 0;
  let useless: string | undefined;
  let sawTimeout = false;
  let again: string | undefined;
  for (let turn = 0; turn < attempts * servers.length; turn++) {
    const index = (first + turn) % servers.length;
    const { replies, isUnreachable } = yield* exchange(sender, {
      kind: "ask",
      name: text.endsWith(".") ? text : `${text}.`,
      origin,
      types,
      servers: servers.slice(index, index + 1),
      transport: settings.tcp ? "tcp" : "udp",
      inTurn: false,
      waitMs: waitMs(timeoutMs, index, servers.length),
      enough: "any",
      again,
    });
    const usable = replies.filter((reply) => !isUseless(reply));
    if (usable.length > 0) return judged(usable, sender.room - text.replace(/\.$/, "").length - 1);
    useless = replies[0] === undefined ? useless : saidBy(replies[0]);
    sawTimeout ||= replies.length === 0 && !isUnreachable;
    again = isUnreachable ? "nothing listens there" : replies[0] === undefined ? "no answer came" : saidBy(replies[0]);
  }
  if (useless !== undefined) {
    const isServfail = useless === "SERVFAIL";
    const why = `the answer is ${useless} every time`;
    return { end: "try again", why, search: isServfail ? "goes on" : "ends", isServfail };
  }
  return sawTimeout
    ? { end: "try again", why: "no answer came", search: "ends" }
    : { end: "try again", why: "nothing listens there", search: "stops" };
}

/** The timeout doubles with every further server, which then share it. */
function waitMs(timeoutMs: number, index: number, servers: number): number {
  const seconds = (timeoutMs / 1000) * 2 ** index;
  return 1000 * Math.max(1, index === 0 ? seconds : Math.floor(seconds / servers));
}

/** One turn of one server: again over TCP when the answer was cut, with more care when one of two answers is missing. */
function* exchange(
  sender: Sender,
  ask: Ask,
): Walk<{ readonly replies: readonly Reply[]; readonly isUnreachable: boolean }> {
  let asked = yield { ...ask, inTurn: sender.care > 0 };
  while (ask.transport === "udp" && sender.care < 2 && isHalf(asked) && !repliesOf(asked).some(isCut)) {
    sender.care = sender.care === 0 ? 1 : 2;
    const how = sender.care === 1 ? "one after the other" : "over a new socket each";
    asked = yield { ...ask, inTurn: true, again: `only one answer came, so now ${how}` };
  }
  if (ask.transport === "udp" && repliesOf(asked).some(isCut)) {
    asked = yield { ...ask, transport: "tcp", again: "the answer was cut" };
  }
  const isUnreachable = asked.queries.some(({ outcome }) => outcome.kind === "unreachable");
  return { replies: repliesOf(asked), isUnreachable };
}

function isHalf({ queries }: Asked): boolean {
  const silent = queries.filter(({ outcome }) => outcome.kind === "timeout").length;
  return silent > 0 && silent < queries.length;
}

function repliesOf({ queries }: Asked): readonly Reply[] {
  return queries.flatMap(({ outcome }) => (outcome.kind === "reply" ? [outcome] : []));
}

function isCut({ truncated }: Reply): boolean {
  return truncated;
}

/** After such a reply, the next server is asked. */
function isUseless({ rcode, isReferral }: Reply): boolean {
  return isReferral || ["SERVFAIL", "NOTIMP", "REFUSED"].includes(rcode);
}

function saidBy({ rcode, isReferral }: Reply): string {
  return isReferral ? "a referral to other servers" : rcode;
}

function judged(replies: readonly Reply[], room: number): NameEnd {
  const withRecords = replies.filter(({ rcode, records }) => rcode === "NOERROR" && records > 0);
  const found = withRecords.reduce((sum, { wanted }) => sum + wanted, 0);
  if (found > 0) {
    const hasNoRoom = found * bytesOfAddress > room;
    return { end: "found", why: "it has what was asked for", search: "stops", hasNoRoom };
  }
  if (withRecords.length > 0) {
    return { end: "no data", why: "it is an alias of a name without such records", search: "stops" };
  }
  const rcode = replies.find((reply) => reply.rcode !== "NOERROR")?.rcode ?? "NOERROR";
  if (rcode === "NXDOMAIN") return { end: "no such name", why: "it does not exist", search: "goes on" };
  if (rcode === "NOERROR") return { end: "no data", why: "it exists without such records", search: "goes on" };
  return { end: "failure", why: `the answer is ${rcode}`, search: "ends" };
}
