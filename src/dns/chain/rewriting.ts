import {
  formatName,
  nameFrom,
  parseName,
  readRecordData,
  responseCodes,
  sameName,
  writeRecordData,
} from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { NameMatch, RewriteAnswer, RewriteRule } from "../corefile/configuration.ts";
import { failure } from "../resolver.ts";
import type { RecordSet, Reply, Request } from "../resolver.ts";
import { whenReplied } from "./layer.ts";
import type { Layer } from "./layer.ts";

/** What has to be done to the reply of a rewritten request. */
type Undo = (set: RecordSet) => RecordSet;

/** Changes names and types of questions as the rules say, and the answers back. Clients see their own question. */
export function rewriteLayer(rules: readonly RewriteRule[]): Layer {
  return (next) => (request) => {
    if (request.aliases.length > 0) return next(request);
    const undos: Undo[] = [];
    let asked = request;
    for (const rule of rules) {
      const change = applied(rule, asked);
      if (change === undefined) continue;
      if (change === "no name") return failure(responseCodes.SERVFAIL);
      asked = change.request;
      undos.push(...change.undos);
      if (!rule.goesOn) break;
    }
    if (asked === request && undos.length === 0) return next(request);
    const finalName = asked.name;
    return whenReplied(next(asked), (reply) => restored(reply, request.name, finalName, undos.toReversed()));
  };
}

function applied(
  rule: RewriteRule,
  request: Request,
): { readonly request: Request; readonly undos: readonly Undo[] } | "no name" | undefined {
  if (rule.kind === "type") {
    return rule.from === request.type ? { request: { ...request, type: rule.to }, undos: [] } : undefined;
  }
  const text = formatName(request.name).toLowerCase();
  const found = replaced(rule.match, text, rule.kind === "name" ? rule.replacement : "");
  if (found === undefined) return undefined;
  if (rule.kind === "ttl") {
    const { min, max } = rule;
    return { request, undos: [(set) => ({ ...set, ttl: Math.min(Math.max(set.ttl, min), max) })] };
  }
  const name = parseName(found);
  if (name === undefined) return "no name";
  return { request: { ...request, name }, undos: rule.answers.flatMap((answer) => undoOf(answer, request.name, name)) };
}

/** The new name, or `undefined` when the old one does not match. */
function replaced(match: NameMatch, name: string, replacement: string): string | undefined {
  switch (match.kind) {
    case "exact":
      return name === match.text ? replacement : undefined;
    case "prefix":
      return name.startsWith(match.text) ? replacement + name.slice(match.text.length) : undefined;
    case "suffix": {
      if (!name.endsWith(match.text)) return undefined;
      const kept = name.slice(0, name.length - match.text.length);
      return kept + (replacement.endsWith(".") ? replacement : `${replacement}.`);
    }
    case "substring":
      return name.includes(match.text) ? name.replace(match.text, () => replacement) : undefined;
    case "regex": {
      const groups = match.pattern.exec(name);
      return groups === null ? undefined : filledIn(replacement, groups);
    }
  }
}

/** `{1}` becomes the first group, `{0}` all that matched. */
function filledIn(replacement: string, groups: RegExpExecArray): string {
  return replacement.replaceAll(/\{([0-9]+)\}/g, (_, index: string) => groups[Number(index)] ?? "");
}

function undoOf(answer: RewriteAnswer, asked: DnsName, rewritten: DnsName): readonly Undo[] {
  switch (answer.kind) {
    case "none":
      return [];
    case "auto":
      return [
        (set) => (typeof set.owner !== "number" && sameName(set.owner, rewritten) ? { ...set, owner: asked } : set),
      ];
    case "name":
      return [
        (set) => {
          if (typeof set.owner === "number") return set;
          const owner = replacedName(set.owner, answer.pattern, answer.replacement);
          return owner === undefined ? set : { ...set, owner };
        },
      ];
    case "value":
      return [(set) => withTargets(set, (name) => replacedName(name, answer.pattern, answer.replacement))];
  }
}

function replacedName(name: DnsName, pattern: RegExp, replacement: string): DnsName | undefined {
  const groups = pattern.exec(formatName(name).toLowerCase());
  return groups === null ? undefined : parseName(filledIn(replacement, groups));
}

/** The records with other names in their data, where that is a name (or has one). */
function withTargets(set: RecordSet, change: (name: DnsName) => DnsName | undefined): RecordSet {
  const { data } = set;
  if (data.kind !== "rdata") return set;
  const list = data.list.map((rdata) => {
    const read = readRecordData(set.type, rdata);
    const target = "target" in read ? change(read.target) : undefined;
    return target === undefined || !("target" in read) ? rdata : writeRecordData({ ...read, target });
  });
  return { ...set, data: { kind: "rdata", list } };
}

/** Owners that were parts of the rewritten question become names of their own, before they are changed back. */
function restored(reply: Reply, asked: DnsName, rewritten: DnsName, undos: readonly Undo[]): Reply {
  const restore = (sets: readonly RecordSet[]) =>
    sets.map((set) => {
      const named = typeof set.owner === "number" ? { ...set, owner: nameFrom(rewritten, set.owner) } : set;
      const changed = undos.reduce((one, undo) => undo(one), named);
      // The letters of the question, when the name is the question's.
      return typeof changed.owner !== "number" && sameName(changed.owner, asked) ? { ...changed, owner: 0 } : changed;
    });
  return {
    ...reply,
    answer: restore(reply.answer),
    authority: restore(reply.authority),
    additional: restore(reply.additional),
  };
}
