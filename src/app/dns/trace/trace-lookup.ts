import { explanationOf, nothingAsked, walkOf } from "../../../dns/index.ts";
import type {
  Ask,
  Asked,
  ExplainedMessage,
  Lookup,
  ResolverSettings,
  SkippedDomain,
  TracedLookup,
  TracedName,
  TracedQuery,
} from "../../../dns/index.ts";
import { sendQueries } from "./query-sender.ts";
import type { SentQuery } from "./query-sender.ts";

/** Asks a server how it answers; nothing comes back from servers that cannot tell. */
export interface Explainer {
  begin(port: number): Promise<void>;
  end(port: number): Promise<readonly ExplainedMessage[]>;
}

/** Where the queries come from. */
export interface TracePlace {
  /** Path of the network namespace. */
  readonly namespace: string;
  readonly settings: ResolverSettings;
  /** Which of several servers `rotate` begins with. */
  readonly firstServer: number;
  readonly explainer: Explainer;
}

/** Looks a name up as the place's resolver does, with real queries. */
export async function traceLookup(lookup: Lookup, place: TracePlace): Promise<TracedLookup> {
  const names: TracedName[] = [];
  const results: string[] = [];
  const skipped: SkippedDomain[] = [];
  let waitedMs = 0;
  let current: { readonly ask: Ask; readonly queries: TracedQuery[] } | undefined;
  const steps = walkOf(place.settings, lookup, place.firstServer);
  let step = steps.next();
  while (step.done !== true) {
    const { value } = step;
    let came: Asked = nothingAsked;
    switch (value.kind) {
      case "ask": {
        const { queries, elapsedMs } = await askAndExplain(place, value);
        if (current?.ask.name !== value.name) current = { ask: value, queries: [] };
        current.queries.push(...queries);
        waitedMs += elapsedMs;
        came = { queries, elapsedMs };
        break;
      }
      case "wait":
        await new Promise((resolve) => void setTimeout(resolve, value.ms));
        waitedMs += value.ms;
        break;
      case "decided":
        if (current !== undefined) {
          const { ask, queries } = current;
          names.push({ name: ask.name, origin: ask.origin, queries, goesOn: value.goesOn, why: value.why });
          if (!value.goesOn) results.push(...resultsOf(queries, lookup));
        }
        current = undefined;
        break;
      case "skipped":
        skipped.push({ domain: value.domain, why: value.why });
        break;
    }
    step = steps.next(came);
  }
  const end = step.value;
  const microseconds = Math.round(1000 * waitedMs);
  return { settings: place.settings, names, skipped, end, results: end === "found" ? results : [], microseconds };
}

function resultsOf(queries: readonly TracedQuery[], { types }: Lookup): readonly string[] {
  const found = queries.flatMap(({ answers }) => answers);
  return types.flatMap((type) => [
    ...new Set(found.filter((record) => record.startsWith(`${type} `)).map((record) => record.slice(type.length + 1))),
  ]);
}

async function askAndExplain(
  { namespace, explainer }: TracePlace,
  ask: Ask,
): Promise<{ readonly queries: readonly TracedQuery[]; readonly elapsedMs: number }> {
  let heard: readonly ExplainedMessage[] = [];
  const { queries, elapsedMs } = await sendQueries(namespace, ask, {
    opened: (port) => explainer.begin(port),
    closed: async (port) => {
      heard = await explainer.end(port);
    },
  });
  const traced = queries.map((query) => ({
    type: query.type,
    server: query.server,
    transport: ask.transport,
    outcome: query.outcome,
    answers: query.answers,
    microseconds: query.microseconds,
    again: ask.again,
    ...explained(query, heard),
  }));
  return { queries: traced, elapsedMs };
}

function explained(
  query: SentQuery,
  heard: readonly ExplainedMessage[],
): Pick<TracedQuery, "answeredBy" | "why" | "reasons"> {
  const message = heard.find(({ id }) => id === query.id);
  if (message !== undefined) {
    return { ...explanationOf(message), reasons: message.reasons.map(({ reason }) => reason) };
  }
  switch (query.outcome.kind) {
    case "reply":
      return { answeredBy: query.server, why: "a server that does not tell how it answers", reasons: [] };
    case "timeout":
      return { answeredBy: "nobody", why: `${query.server} is silent`, reasons: [] };
    case "unreachable":
      return { answeredBy: "nobody", why: `nothing listens at ${query.server} port 53`, reasons: [] };
  }
}
