import { parseRule } from "./parse-rule.ts";
import type { Rule, Table } from "./rule.ts";

/** A rule as it is listed; `rule` is absent when it says something that this program never says. */
export interface SavedRule {
  readonly text: string;
  readonly rule?: Rule;
}

/** The chains of one table with their rules, in the order of the list. */
export type SavedTable = ReadonlyMap<string, readonly SavedRule[]>;

/** Reads the output of `iptables-save`, of either variant, and also of `ip6tables-save`. Unknown lines are passed over. */
export function parseSaved(text: string): ReadonlyMap<Table, SavedTable> {
  const tables = new Map<Table, Map<string, SavedRule[]>>();
  let chains = new Map<string, SavedRule[]>();
  for (const line of text.split("\n")) {
    const table = /^\*(filter|nat|mangle)$/.exec(line)?.[1] as Table | undefined;
    if (table !== undefined) {
      chains = tables.get(table) ?? new Map<string, SavedRule[]>();
      tables.set(table, chains);
    } else if (line.startsWith("*")) {
      chains = new Map();
    } else if (line.startsWith(":")) {
      const name = line.slice(1, line.indexOf(" "));
      chains.set(name, chains.get(name) ?? []);
    } else {
      const appended = /^(?:\[\d+:\d+\] )?-A (\S+) ?(.*)$/.exec(line);
      if (appended !== null) chains.get(appended[1] ?? "")?.push(savedRule(appended[2] ?? ""));
    }
  }
  return tables;
}

function savedRule(text: string): SavedRule {
  const rule = parseRule(text);
  return rule === undefined ? { text } : { text, rule };
}
