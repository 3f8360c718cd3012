import type { IpFamily } from "../../core/index.ts";
import { expressionText } from "./expression.ts";
import type { Expression } from "./expression.ts";
import { ruleText } from "./rule.ts";
import type { Rule } from "./rule.ts";

/** Where a base chain is attached. Lower priorities come first; dstnat is -100, srcnat 100. */
export interface Hook {
  readonly type: "filter" | "nat";
  readonly hook: "prerouting" | "input" | "forward" | "output" | "postrouting";
  readonly priority: number;
}

/** Of what kind elements are: like an expression of the packet, or of the types that nft calls so. */
export type ElementType = Expression | { readonly kind: "types"; readonly names: readonly string[] };

/** A set, or with `value` a map, of the table. */
export interface SetDefinition {
  readonly name: string;
  readonly key: ElementType;
  /** Makes it a map. */
  readonly value?: ElementType | "verdict";
  readonly flags?: readonly ("interval" | "dynamic" | "timeout")[];
  readonly size?: number;
}

/** A chain with its rules, which a packet meets one after the other. */
export interface ChainDefinition {
  readonly name: string;
  readonly hook?: Hook;
  readonly rules: readonly Rule[];
}

/** Sets that the packets fill: whoever writes everything anew leaves them as they are. */
export function isFilledByPackets({ flags = [] }: SetDefinition): boolean {
  return flags.includes("dynamic");
}

/** One entry of a set or map. */
export interface Element {
  readonly set: string;
  readonly key: string;
  /** Present in maps. */
  readonly value?: string;
  /** Shown by `nft list`: names the Service or pod that the entry is for. */
  readonly comment?: string;
}

/** One step of a transaction. All steps of a script take effect together or not at all. */
export type Statement =
  | { readonly kind: "add-table" }
  | { readonly kind: "delete-table" }
  | { readonly kind: "add-set"; readonly set: SetDefinition }
  | { readonly kind: "flush-set"; readonly set: string; readonly isMap: boolean }
  /** Makes the chain, and takes away other rules that it may have. */
  | { readonly kind: "set-chain"; readonly chain: ChainDefinition }
  /** Whether it is there or not. Nothing may go to it. */
  | { readonly kind: "delete-chain"; readonly chain: string }
  | { readonly kind: "add-elements"; readonly set: string; readonly elements: readonly Element[] }
  | { readonly kind: "delete-elements"; readonly set: string; readonly elements: readonly Element[] };

/** The kernel takes 128 bytes; longer names are cut. */
const longestComment = 120;

/** A script for `nft -f`: a text, or a big one. */
export type Script = string | BigScript;

/** A script of which there is too much for one text. */
export interface BigScript {
  /** The text in pieces, which are made as they are read. */
  readonly pieces: () => Iterable<string>;
  /** The same without the elements' text: table by table, for kernels that take it so. */
  readonly loads?: readonly TableLoad[];
}

/** How one table is filled by netlink: nft makes chains and sets of text, elements come as bytes. */
export interface TableLoad {
  readonly family: IpFamily;
  readonly name: string;
  /** What to do for a table that is there, or for one that is not: packets meet it when all is in it. */
  steps(isThere: boolean): LoadSteps;
}

/** The steps in their order; each is a transaction, the batches are as many as they are. */
export interface LoadSteps {
  /** For `nft -f`. */
  readonly before: string;
  /** Messages of netlink, each batch at most this long. With everything in one batch they take effect together. */
  readonly batches: (batchBytes: number) => Iterable<Uint8Array>;
  /** For `nft -f`; may be empty. */
  readonly after: string;
}

/** The whole text of a script. */
export function scriptText(from: Script): string {
  return typeof from === "string" ? from : [...from.pieces()].join("");
}

/** One script after the other, as one transaction. */
export function joinScripts(scripts: readonly Script[]): Script {
  if (scripts.every((part) => typeof part === "string")) return scripts.join("");
  const loads = scripts.map((part) => (typeof part === "string" ? undefined : part.loads));
  return {
    *pieces() {
      for (const part of scripts) {
        if (typeof part === "string") yield part;
        else yield* part.pieces();
      }
    },
    ...(loads.includes(undefined) ? {} : { loads: loads.flatMap((part) => part ?? []) }),
  };
}

/** The statements as a script for `nft -f` about one table (`tableOf`). The same statements give the same bytes. */
export function script(table: string, statements: readonly Statement[]): string {
  return statements.map((statement) => render(table, statement)).join("");
}

/** One element as a command of its own. */
export function elementCommand(table: string, element: Element): string {
  return `add element ${table} ${element.set} { ${elementText(element).trim()} }`;
}

/** One rule as a command of its own. */
export function ruleCommand(table: string, chain: string, rule: string): string {
  return `add rule ${table} ${chain} ${rule}`;
}

/** The script that fills one set, in pieces. `each` calls back for every element, and stops now and then. */
export function* fillScript(
  table: string,
  set: string,
  each: (visit: (element: Written) => void) => Iterable<void>,
): Generator<string> {
  const start = `add element ${table} ${set} {\n`;
  let lines: string[] = [];
  let isFirst = true;
  const piece = (): string => {
    const text = (isFirst ? start : ",\n") + lines.join(",\n");
    isFirst = false;
    lines = [];
    return text;
  };
  for (const _ of each((element) => void lines.push(elementText(element)))) {
    if (lines.length >= longestPiece) yield piece();
  }
  if (lines.length > 0) yield piece();
  if (!isFirst) yield "\n}\n";
}

/** Elements of a piece: about 200 KB. */
const longestPiece = 2000;

/** A table as scripts name it, such as `ip6 sealane`. */
export function tableOf(family: IpFamily, name: string): string {
  return `${family === "IPv4" ? "ip" : "ip6"} ${name}`;
}

function render(table: string, statement: Statement): string {
  switch (statement.kind) {
    case "add-table":
      return `add table ${table}\n`;
    case "delete-table":
      // Adding first makes the deletion succeed when there is no table.
      return `add table ${table}\ndelete table ${table}\n`;
    case "add-set":
      return addSet(table, statement.set);
    case "flush-set":
      return `flush ${statement.isMap ? "map" : "set"} ${table} ${statement.set}\n`;
    case "set-chain":
      return setChain(table, statement.chain);
    case "delete-chain":
      return `add chain ${table} ${statement.chain}\nflush chain ${table} ${statement.chain}\ndelete chain ${table} ${statement.chain}\n`;
    case "add-elements":
      return `add element ${table} ${statement.set} {\n${statement.elements.map(elementText).join(",\n")}\n}\n`;
    case "delete-elements":
      return `delete element ${table} ${statement.set} {\n${statement.elements.map(({ key }) => `  ${key}`).join(",\n")}\n}\n`;
  }
}

function addSet(table: string, { name, key, value, flags = [], size }: SetDefinition): string {
  const valueType = value === undefined ? "" : ` : ${value === "verdict" ? value : typeText(value)}`;
  const type = `${key.kind === "types" ? "type" : "typeof"} ${typeText(key)}${valueType};`;
  const flagText = flags.length === 0 ? "" : ` flags ${flags.join(",")};`;
  const sizeText = size === undefined ? "" : ` size ${size};`;
  return `add ${value === undefined ? "set" : "map"} ${table} ${name} { ${type}${flagText}${sizeText} }\n`;
}

function typeText(type: ElementType): string {
  return type.kind === "types" ? type.names.join(" . ") : expressionText(type);
}

function setChain(table: string, { name, hook, rules }: ChainDefinition): string {
  const base =
    hook === undefined ? "" : ` { type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept; }`;
  const lines = rules.map((rule) => `add rule ${table} ${name} ${ruleText(rule)}\n`).join("");
  return `add chain ${table} ${name}${base}\nflush chain ${table} ${name}\n${lines}`;
}

/** What of an element is written, however it is kept. */
export interface Written {
  readonly key: string;
  readonly value?: string | undefined;
  readonly comment?: string | undefined;
}

function elementText({ key, value, comment }: Written): string {
  const note = comment === undefined ? "" : ` comment "${commentText(comment)}"`;
  return `  ${key}${note}${value === undefined ? "" : ` : ${value}`}`;
}

/** A comment as the kernel has room for it. */
export function commentText(comment: string): string {
  const short = comment.length > longestComment ? comment.slice(0, longestComment) : comment;
  return short.includes('"') ? short.replaceAll('"', "'") : short;
}
