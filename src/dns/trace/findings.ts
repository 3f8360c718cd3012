import type { NameReason } from "./name-reason.ts";
import type { TracedLookup, TracedName, TracedQuery } from "./lookup-trace.ts";

/** Reasons that tell more than that a name of the search list is none. */
const telling: ReadonlySet<NameReason["kind"]> = new Set([
  "not synced",
  "no ready endpoints",
  "no such endpoint",
  "no such port",
  "no such pod",
  "other family",
  "left out",
]);

/** Why a lookup failed, in sentences that name the objects; nothing for one that found something. */
export function findingsOf({ names, end }: Pick<TracedLookup, "names" | "end">, pod: PodFacts): readonly string[] {
  if (end === "found") return [];
  const queries = names.flatMap((name) => name.queries);
  const reasons = queries.flatMap((query) => query.reasons);
  const findings = new Set<string>();
  if (pod.clusterNames.length > 0) findings.add(`${pod.text}; cluster DNS knows ${pod.clusterNames.join(", ")}`);
  for (const { kind, text } of reasons) if (telling.has(kind)) findings.add(text);
  for (const query of queries) for (const finding of serverFindings(query)) findings.add(finding);
  if (findings.size === 0) for (const finding of absenceFindings(names)) findings.add(finding);
  // What is there, and only lacks something, needs no other name.
  const unsure = reasons.some(({ kind }) => telling.has(kind))
    ? reasons.filter(({ kind }) => telling.has(kind))
    : reasons;
  const near = [...new Set(unsure.flatMap((reason) => reason.near))];
  if (near.length > 0) findings.add(`similar names that exist: ${near.slice(0, 4).join(", ")}`);
  return [...findings];
}

/** What is known of the pod that asks. */
export interface PodFacts {
  /** Why it does not ask cluster DNS. */
  readonly text: string;
  /** Names that cluster DNS would have found; none when it is asked. */
  readonly clusterNames: readonly string[];
}

/** What is not there: the Service that was meant, or a name of the world. */
function absenceFindings(names: readonly TracedName[]): readonly string[] {
  const absences = absencesOf(names);
  const likely = absences.find(({ near }) => near.length > 0);
  if (likely !== undefined) return [likely.text];
  const denied = names.find(({ origin, name }) => origin.kind === "as-is" && (isDotted(name) || absences.length === 0));
  const denial = denied === undefined ? undefined : denialOf(denied);
  if (denial === undefined) return absences.slice(0, 1).map(({ text }) => text);
  // SERVICE.NAMESPACE looks like a name of the world, too.
  const [service] = absencesOf(names.filter(({ name }) => serviceName.test(name)));
  return service === undefined ? [denial] : [denial, service.text];
}

/** SERVICE.NAMESPACE.svc, perhaps with a port before it. */
const serviceName = /^(?:_[^.]+\._[^.]+\.)?[^.]+\.[^.]+\.svc\./;

function absencesOf(names: readonly TracedName[]): readonly NameReason[] {
  return names
    .flatMap(({ queries }) => queries.flatMap(({ reasons }) => reasons))
    .filter(({ kind }) => kind === "no such service" || kind === "no such namespace");
}

function isDotted(name: string): boolean {
  return name.slice(0, -1).includes(".");
}

/** That there is no such name, or nothing of the kind, in the words of a server that is not the cluster's zone. */
function denialOf({ name, queries }: TracedName): string | undefined {
  const denials = queries.flatMap(({ outcome, answeredBy, type }) => {
    if (outcome.kind !== "reply" || outcome.wanted > 0 || answeredBy.endsWith(" zone")) return [];
    const who = answeredBy === "cache" ? "cluster DNS remembers that an upstream said" : `${answeredBy} says`;
    return outcome.rcode === "NXDOMAIN" || outcome.rcode === "NOERROR" ? [{ who, type, rcode: outcome.rcode }] : [];
  });
  const [first] = denials;
  if (first === undefined || denials.length < queries.length) return undefined;
  const text = name.slice(0, -1);
  if (first.rcode === "NXDOMAIN") return `${text} does not exist: ${first.who} NXDOMAIN`;
  const types = [...new Set(denials.map(({ type }) => type))].join(" or ");
  return `${text} has no ${types} records: ${first.who} so`;
}

function serverFindings({ server, outcome, answeredBy, why }: TracedQuery): readonly string[] {
  if (answeredBy === "no upstream") {
    // Each server is asked more than once.
    const said = new Set(why.replaceAll(/ \([0-9]+ ms\)/g, "").split(", "));
    return [`no upstream of cluster DNS answers: ${[...said].join(", ")}`];
  }
  if (answeredBy === "cache" && outcome.kind === "reply" && outcome.rcode === "SERVFAIL") {
    return ["cluster DNS remembers for a moment that its upstreams failed"];
  }
  if (outcome.kind === "timeout" && why.startsWith("so far")) return [`cluster DNS waits for its upstreams: ${why}`];
  if (outcome.kind !== "reply") return [why];
  if (outcome.rcode !== "NOERROR" && outcome.rcode !== "NXDOMAIN" && answeredBy !== "cluster zone") {
    return [`${server} answers ${outcome.rcode}: ${answeredBy}, ${why}`];
  }
  return [];
}
