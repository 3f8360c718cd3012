import type { TraceReport } from "../../app/index.ts";
import { style } from "../terminal.ts";

type TracedName = TraceReport["names"][number];
type TracedQuery = TracedName["queries"][number];

/** More addresses than this are counted. */
const mostShown = 3;

/** A traced lookup as people read it. */
export function traceText(report: TraceReport): string {
  const { pod, resolver, resolvConf, names, skipped, withoutQuery, remarks } = report;
  const { nameservers, searches, options } = resolvConf;
  const asks = [
    `nameserver ${nameservers.join(" ")}`,
    searches.length === 0 ? "no search list" : `search ${searches.join(" ")}`,
    ...(options.length === 0 ? [] : [`options ${options.join(" ")}`]),
  ];
  const lines = [
    `${style("bold", `pod/${pod.name}`)} in ${pod.namespace} on ${pod.node} looks up ${style("bold", report.name)} (${report.types.join(" and ")}) with ${resolver}`,
    `  ${asks.join("; ")}`,
    ...[...remarks, ...skipped.map(({ domain, why }) => `${domain} is passed over: ${why}`)].map(
      (line) => `  note: ${line}`,
    ),
    "",
    ...names.flatMap((name, index) => nameLines(name, index, searches.length)),
    ...(withoutQuery === undefined ? [] : [`no query: ${withoutQuery} says it`, ""]),
    resultLine(report),
    costLine(report),
    ...report.findings.map((finding) => `  ${style("yellow", "why:")} ${finding}`),
  ];
  if (report.cheaper.length > 0) {
    lines.push("", "Cheaper:");
    for (const { queries, text } of report.cheaper)
      lines.push(`  ${counted(queries, "query", "queries").padEnd(9)}  ${text}`);
  }
  return lines.join("\n");
}

function nameLines(
  { name, origin, queries, goesOn, why }: TracedName,
  index: number,
  searches: number,
): readonly string[] {
  const from = origin.kind === "as-is" ? "as it stands" : `search list, ${origin.index + 1} of ${searches}`;
  const verdict = goesOn ? style("dim", `goes on: ${why}`) : style("bold", `stops: ${why}`);
  const lines = [`${index + 1}. ${style("cyan", name)}  (${from})`];
  let again: string | undefined;
  for (const query of queries) {
    if (query.again !== undefined && query.again !== again) lines.push(`   once more, because ${query.again}`);
    again = query.again;
    lines.push(`   ${queryLine(query)}`);
  }
  return [...lines, `   ${verdict}`, ""];
}

function queryLine({ type, server, transport, outcome, answers, microseconds, answeredBy, why }: TracedQuery): string {
  const time = microseconds === undefined ? "" : `${microseconds} us`;
  const came = outcome.kind === "reply" ? said(outcome.rcode, outcome.truncated, answers) : outcome.kind;
  const way = transport === "tcp" ? " over tcp" : "";
  const who = answeredBy === server ? `${server}, ${why}` : `${answeredBy}: ${why}`;
  return `${type.padEnd(4)}  ${time.padStart(9)}  ${came}${way}  ${style("dim", `<- ${who}`)}`;
}

function said(rcode: string, isCut: boolean, answers: readonly string[]): string {
  const cut = isCut ? " (cut)" : "";
  if (rcode !== "NOERROR") return `${rcode}${cut}`;
  if (answers.length === 0) return `no records${cut}`;
  const shown = answers.slice(0, mostShown).map((answer) => answer.replace(/^(A|AAAA|SRV|PTR) /, ""));
  const more = answers.length > mostShown ? ` and ${answers.length - mostShown} more` : "";
  return `${shown.join(", ")}${more}${cut}`;
}

function resultLine({ end, results }: TraceReport): string {
  const shown = results.slice(0, 8).join(" ");
  const more = results.length > 8 ? ` and ${results.length - 8} more` : "";
  const text = {
    found: `${shown}${more}`,
    "no such name": "the name does not exist (EAI_NONAME)",
    "no data": "the name has no such records (EAI_NODATA)",
    "try again": "no certain answer: programs are told to try again (EAI_AGAIN)",
    failure: "the lookup failed (EAI_FAIL)",
  }[end];
  return `${style("bold", "Result:")} ${style(end === "found" ? "green" : "red", text)}`;
}

function costLine({ cost, microseconds }: TraceReport): string {
  const { queries, inVain } = cost;
  const vain = inVain === 0 ? "none in vain" : `${inVain} of them in vain`;
  const ms = (microseconds / 1000).toFixed(1);
  return `${style("bold", "Cost:")}   ${queries === 0 ? "no query" : `${counted(queries, "query", "queries")}, ${vain}, ${ms} ms`}`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
