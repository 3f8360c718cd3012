import type { NameReason } from "./name-reason.ts";
import type { QuestionNote } from "./question-note.ts";

/** A name that the cluster's zone was asked for, and why it is what it is. */
export interface ExplainedName {
  readonly name: string;
  readonly reason: NameReason;
}

/** What a server says about how it answered one message. */
export interface ExplainedMessage {
  readonly id: number;
  readonly notes: readonly QuestionNote[];
  /** Of the names in the cluster's zone, each once. */
  readonly reasons: readonly ExplainedName[];
}

/** The same in a few words. */
export interface Explanation {
  /** Who answered: `cluster zone`, `cache`, `upstream 192.168.100.1:53`, ... */
  readonly answeredBy: string;
  readonly why: string;
}

type Note<Kind extends QuestionNote["kind"]> = Extract<QuestionNote, { readonly kind: Kind }>;

/** Says in words who answered, and why so. */
export function explanationOf({ notes, reasons }: Pick<ExplainedMessage, "notes" | "reasons">): Explanation {
  const searched = notes.filter(isKind("looks-up")).filter(({ plugin }) => plugin === "autopath");
  const answers = notes.filter(isKind("answered"));
  const last = answers.at(-1);
  if (last === undefined) {
    const asked = notes.filter(isKind("upstream")).map(({ server, outcome }) => `${server} ${failed(outcome)}`);
    const why = asked.length === 0 ? "the server still waits for another one" : `so far ${asked.join(", ")}`;
    return { answeredBy: "nobody", why };
  }
  const found = searched.at(-1);
  if (found === undefined) return source(last, notes, reasons);
  const names = searched.map(({ name }) => name).join(", ");
  if (last.rcode === "NXDOMAIN") {
    const first = source(answers[0] ?? last, notes, reasons);
    return { answeredBy: `autopath, ${first.answeredBy}`, why: `${first.why}; nor is there ${names}` };
  }
  const { answeredBy, why } = source(last, notes, reasons);
  const more =
    searched.length === 1 ? "" : ` (after ${searched.length - 1} other name${searched.length === 2 ? "" : "s"})`;
  return { answeredBy: `autopath, ${answeredBy}`, why: `found as ${found.name}${more}; ${why}` };
}

function isKind<Kind extends QuestionNote["kind"]>(kind: Kind): (note: QuestionNote) => note is Note<Kind> {
  return (note): note is Note<Kind> => note.kind === kind;
}

function source(
  { plugin, name, rcode }: Note<"answered">,
  notes: readonly QuestionNote[],
  reasons: readonly ExplainedName[],
): Explanation {
  switch (plugin) {
    case "kubernetes": {
      const reason = reasons.find((one) => one.name === name)?.reason;
      return { answeredBy: "cluster zone", why: reason?.text ?? "the cluster's objects say so" };
    }
    case "reverse":
      return {
        answeredBy: "reverse zone",
        why:
          rcode === "NOERROR"
            ? "a Service or an endpoint has this address"
            : "no Service and no endpoint has this address",
      };
    case "forward":
      return forwarded(notes);
    case "none":
      return { answeredBy: "nobody", why: "no plugin of the server is for this name" };
    default:
      return { answeredBy: plugin, why: `the plugin ${plugin} decides it` };
  }
}

function forwarded(notes: readonly QuestionNote[]): Explanation {
  const asked = notes.filter(isKind("upstream"));
  const last = asked.at(-1);
  const memory = notes.findLast(isKind("remembered"));
  if (last === undefined && memory !== undefined) {
    const { ageSeconds, leftSeconds } = memory;
    const left = leftSeconds > 0 ? `for ${leftSeconds} s more` : `stale for ${-leftSeconds} s`;
    return { answeredBy: "cache", why: `heard ${ageSeconds} s ago, remembered ${left}` };
  }
  if (last === undefined) return { answeredBy: "upstream", why: "the same question was already on its way to it" };
  const failures = asked.filter(({ outcome }) => outcome === "timeout" || outcome === "error");
  if (failures.length === asked.length) {
    const said = failures.map(({ server, outcome, ms }) => `${server} ${failed(outcome)} (${Math.round(ms)} ms)`);
    return { answeredBy: "no upstream", why: said.join(", ") };
  }
  const before = asked.slice(0, -1).map(({ server, outcome }) => `${server} ${failed(outcome)}`);
  const after = before.length === 0 ? "" : `, after ${before.join(", ")}`;
  return { answeredBy: `upstream ${last.server}`, why: `it was asked, and took ${last.ms.toFixed(1)} ms${after}` };
}

function failed(outcome: string): string {
  return { timeout: "is silent", error: "cannot be reached" }[outcome] ?? `says ${outcome}`;
}
