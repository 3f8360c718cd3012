import type { TracedLookup, TracedQuery } from "./lookup-trace.ts";
import type { ResolverSettings } from "./resolver-settings.ts";
import type { Asked, AskedQuery, Lookup, QueryOutcome } from "./resolver-step.ts";
import { nothingAsked } from "./resolver-step.ts";
import { walkOf } from "./walk-of.ts";

/** What a lookup cost. */
export interface LookupCost {
  readonly queries: number;
  /** Queries that brought nothing of what was asked for. */
  readonly inVain: number;
}

/** A way to get the same answer with fewer queries. */
export interface CheaperWay {
  readonly kind: "final dot" | "ndots" | "searches" | "no-aaaa" | "autopath";
  readonly queries: number;
  /** What to do. */
  readonly text: string;
}

/** Counts what a lookup cost. */
export function costOf({ names }: Pick<TracedLookup, "names">): LookupCost {
  const queries = names.flatMap((name) => name.queries);
  return { queries: queries.length, inVain: queries.filter(isInVain).length };
}

function isInVain({ outcome }: TracedQuery): boolean {
  return outcome.kind !== "reply" || outcome.wanted === 0;
}

/**
 * Ways to the same answer that cost fewer queries, the cheapest first: the same lookup is walked again with what the servers
 * said, under other settings. `mayAutopath`: the server could search in the pod's place, and does not.
 */
export function cheaperWays(trace: TracedLookup, lookup: Lookup, mayAutopath: boolean): readonly CheaperWay[] {
  const { settings, names, end } = trace;
  const found = names.at(-1);
  if (end !== "found" || found === undefined) return [];
  const now = names.reduce((sum, { queries }) => sum + queries.length, 0);
  const ways: CheaperWay[] = [];
  const add = (kind: CheaperWay["kind"], queries: number | undefined, text: string) => {
    if (queries !== undefined && queries < now) ways.push({ kind, queries, text });
  };
  const walk = (change: Partial<ResolverSettings>, name = lookup.name) =>
    queriesOf({ ...settings, ...change }, { ...lookup, name }, trace);
  add("final dot", walk({}, found.name), `write the whole name with a dot at its end: ${found.name}`);
  const { origin } = found;
  const dots = lookup.name.split(".").length - 1;
  if (origin.kind === "as-is" && dots > 0 && dots < settings.ndots) {
    add(
      "ndots",
      walk({ ndots: dots }),
      `set the option ndots:${dots} in the pod's dnsConfig: names with ${counted(dots, "dot")} or more are then asked for as they stand first`,
    );
  }
  const searches = origin.kind === "search" ? [origin.domain] : [];
  const list = searches.length === 0 ? "no search list" : `the search list ${searches.join(" ")}`;
  add("searches", walk({ searches }), `give the pod ${list}, with dnsPolicy None and dnsConfig`);
  if (
    settings.kind === "glibc" &&
    found.queries.some(({ type }) => type === "AAAA") &&
    found.queries.every((query) => query.type !== "AAAA" || isInVain(query))
  ) {
    add(
      "no-aaaa",
      walk({ noAaaa: true }),
      "set the option no-aaaa (glibc 2.36 and later): there are no IPv6 addresses",
    );
  }
  const servers = settings.kind === "musl" ? settings.servers.length : 1;
  if (mayAutopath && names.length > 1) {
    add(
      "autopath",
      lookup.types.length * servers,
      "let the server search: sealane up --dns-autopath, or autopath in a Corefile",
    );
  }
  return ways.sort((a, b) => a.queries - b.queries);
}

/** How many queries a walk needs where servers say the same again; `undefined` when it asks what nobody asked before. */
function queriesOf(settings: ResolverSettings, lookup: Lookup, { names }: TracedLookup): number | undefined {
  const known = new Map<string, QueryOutcome>();
  for (const { name, queries } of names) {
    for (const { type, server, outcome } of queries) known.set(`${server} ${name} ${type}`, outcome);
  }
  const steps = walkOf(settings, lookup);
  let count = 0;
  let step = steps.next();
  while (step.done !== true) {
    let came: Asked = nothingAsked;
    if (step.value.kind === "ask") {
      const { name, types, servers } = step.value;
      const queries = types.flatMap((type) =>
        servers.flatMap((server): readonly AskedQuery[] => {
          const outcome = known.get(`${server} ${name} ${type}`);
          return outcome === undefined ? [] : [{ type, server, outcome }];
        }),
      );
      if (queries.length < types.length * servers.length) return undefined;
      count += queries.length;
      came = { queries, elapsedMs: 0 };
    }
    step = steps.next(came);
  }
  return step.value === "found" ? count : undefined;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
