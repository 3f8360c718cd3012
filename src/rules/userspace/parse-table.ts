import { ipFamily, parseCidr, parseIp } from "../../core/index.ts";
import type { Cidr, IpFamily } from "../../core/index.ts";
import { chainNames, setNames, tableName } from "./statement.ts";
import type { Action, Chain, ChainName, Element, Hook, Match, Rule, SetName, TableState } from "./statement.ts";

/** A table as nft lists it, or what of the text is none of this engine's. */
export type ParsedTable =
  | { readonly kind: "parsed"; readonly family: IpFamily; readonly state: TableState }
  | { readonly kind: "failed"; readonly reason: string };

/** Reads the text of `nft list table ip sealane-userspace` (or `ip6`). */
export function parseTable(text: string): ParsedTable {
  const family: IpFamily = text.includes(`table ip6 ${tableName} `) ? "IPv6" : "IPv4";
  const chains: Chain[] = [];
  const elements: Element[] = [];
  try {
    for (const [, kind = "", name = "", body = ""] of text.matchAll(/^\t(set|map|chain) (\S+) \{\n(.*?)^\t\}$/gms)) {
      if (kind === "chain") chains.push(parseChain(name, body));
      else for (const element of parseElements(setNamed(name), body)) elements.push(element);
    }
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: "failed", reason: error.message };
    throw error;
  }
  if (chains.length === 0) return { kind: "failed", reason: `there is no table ${tableName} in the text` };
  return { kind: "parsed", family, state: { chains, elements } };
}

function parseChain(text: string, body: string): Chain {
  const name = chainNames.find((one) => one === text);
  if (name === undefined) throw new SyntaxError(`there is no chain of this name: ${text}`);
  let hook: Hook | undefined;
  const rules: Rule[] = [];
  for (const line of body.split("\n").map((one) => one.trim())) {
    if (line === "") continue;
    if (line.startsWith("type ")) hook = parseHook(line);
    else rules.push(parseRule(line));
  }
  return { name, ...(hook === undefined ? {} : { hook }), rules };
}

const priorities: Readonly<Record<string, number>> = { raw: -300, dstnat: -100 };

function parseHook(line: string): Hook {
  const [, type, hook, name = "", sign = "+", offset = "0"] =
    /^type (filter|nat) hook (prerouting|output) priority (-?\w+)(?: ([+-]) (\d+))?;/.exec(line) ?? [];
  if ((type !== "filter" && type !== "nat") || (hook !== "prerouting" && hook !== "output")) {
    throw new SyntaxError(`no hook of this engine: ${line}`);
  }
  const priority = (priorities[name] ?? Number(name)) + (sign === "-" ? -1 : 1) * Number(offset);
  return { type, hook, priority };
}

const entry = String.raw`ip6? daddr \. meta l4proto \. th dport`;
const client = String.raw`ip6? daddr \. ip6? saddr \. meta l4proto \. th dport`;

/** What a rule may begin with, and what it means. The first that fits is taken. */
const matchTexts: readonly (readonly [RegExp, (...parts: readonly string[]) => readonly Match[]])[] = [
  [new RegExp(`^${entry} @guarded ${client} != @source-ranges `), () => [{ kind: "not-permitted" }]],
  [/^ip6? daddr @cluster-ips /, () => [{ kind: "cluster-ip" }]],
  [/^ip6? saddr (\{[^}]*\}|[\da-f:][\da-f:.]*(?:\/\d+)?) /, (list) => [{ kind: "source", networks: networksIn(list) }]],
  [
    /^ip6? daddr (!= )?(\{[^}]*\}|[\da-f:][\da-f:.]*(?:\/\d+)?) (?!\.|&)/,
    (not, list) => [{ kind: "destination", networks: networksIn(list), ...(not ? { not: true } : {}) }],
  ],
  [
    /^(tcp|udp) dport (?:\{ ([^}]*) \}|(\d+)) /,
    (protocol, list, one) => [
      { kind: "protocol", protocol: protocol === "udp" ? "udp" : "tcp" },
      { kind: "destination-ports", ports: (list ?? one ?? "").split(", ").map(Number) },
    ],
  ],
  [/^meta l4proto (tcp|6) /, () => [{ kind: "protocol", protocol: "tcp" }]],
  [/^meta l4proto (udp|17) /, () => [{ kind: "protocol", protocol: "udp" }]],
  [/^iifname "([^"]+)" /, (name) => [{ kind: "link", name: name ?? "" }]],
  [/^iif != (?:"lo"|1) /, () => [{ kind: "not-from-loopback" }]],
  [/^fib saddr type (?:local|2) /, () => [{ kind: "source-is-local" }]],
  [/^fib daddr type (?:local|2) /, () => [{ kind: "destination-is-local" }]],
  [/^ct state (?:new|0x8) /, () => [{ kind: "new" }]],
  [/^ct status (?:dnat|0x20) /, () => [{ kind: "redirected" }]],
];

/** Reads one rule as nft lists it. Throws `SyntaxError` when it is none of this engine's. */
export function parseRule(line: string): Rule {
  const matches: Match[] = [];
  let rest = line;
  for (let found = true; found;) {
    found = false;
    for (const [pattern, read] of matchTexts) {
      const parts = pattern.exec(rest);
      if (parts === null) continue;
      matches.push(...read(...parts.slice(1)));
      rest = rest.slice(parts[0].length);
      found = true;
      break;
    }
  }
  const action = parseAction(rest);
  if (action === undefined) throw new SyntaxError(`no rule of this engine: ${line}`);
  // nft leaves out what a reset implies.
  const isImplied = action.kind === "reject" && action.reset === true && matches.length === 0;
  return { matches: isImplied ? [{ kind: "protocol", protocol: "tcp" }] : matches, action };
}

function parseAction(text: string): Action | undefined {
  if (text === "accept" || text === "drop") return { kind: text };
  if (text === "reject") return { kind: "reject" };
  if (text === "reject with tcp reset") return { kind: "reject", reset: true };
  const [, way, target] = /^(jump|goto) (\S+)$/.exec(text) ?? [];
  const chain = chainNames.find((one: ChainName) => one === target);
  if ((way === "jump" || way === "goto") && chain !== undefined) return { kind: way, chain };
  const [, address = "", port] = /^dnat to \[?([\da-f:.]+?)\]?:(\d+)$/.exec(text) ?? [];
  const ip = parseIp(address);
  if (ip !== undefined) return { kind: "redirect", address: ip, port: Number(port) };
  const [, mask, map] =
    /^ip6? daddr (?:& (\S+) )?\. meta l4proto \. th dport vmap @(services|no-endpoints)$/.exec(text) ?? [];
  if (map !== "services" && map !== "no-endpoints") return undefined;
  return { kind: "look-up", map, ...(mask === undefined ? {} : { nodePort: true }) };
}

function networksIn(text = ""): readonly Cidr[] {
  return text
    .replaceAll(/[{}]/g, "")
    .split(",")
    .map((one) => {
      const network = parseCidr(withPrefix(one.trim()));
      if (network === undefined) throw new SyntaxError(`not a network: ${one}`);
      return network;
    });
}

/** nft leaves out the prefix of a single address. */
function withPrefix(text: string): string {
  const ip = parseIp(text);
  return ip === undefined ? text : `${text}/${ipFamily(ip) === "IPv4" ? 32 : 128}`;
}

function setNamed(text: string): SetName {
  const set = setNames.find((one) => one === text);
  if (set === undefined) throw new SyntaxError(`there is no set of this name: ${text}`);
  return set;
}

const protocols: Readonly<Record<string, string>> = { "6": "tcp", "17": "udp", "132": "sctp" };

function parseElements(set: SetName, body: string): readonly Element[] {
  const [, list] = /elements = \{(.*?)\}\s*$/s.exec(body) ?? [];
  if (list === undefined) return [];
  const found = list.matchAll(/([^",\s][^",]*?)(?: comment "([^"]*)")?(?: : ([^,]+?))?\s*(?:,|$)/g);
  return Array.from(found, ([, key = "", comment, value]) => ({ set, key: keyText(set, key), value, comment }));
}

function keyText(set: SetName, key: string): string {
  const parts = key.trim().split(" . ");
  return parts
    .map((part, index) => {
      if (set === "source-ranges" && index === 1) return withPrefix(part);
      return index > 0 && index === parts.length - 2 ? (protocols[part] ?? part) : part;
    })
    .join(" . ");
}
