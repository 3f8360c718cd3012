import type { Cidr, IpFamily } from "../../core/index.ts";
import { anyAddress, isMap, tableName } from "./statement.ts";
import type { Action, Chain, Element, Match, Rule, SetName, Statement } from "./statement.ts";

/** The kernel takes 128 bytes of a comment; longer names are cut. */
const longestComment = 120;

/** Input for `nft -f`: a text, or for a big one its pieces, which are made as they are read. */
export type Script = string | { readonly pieces: () => Iterable<string> };

/** The whole text of a script. */
export function scriptText(script: Script): string {
  return typeof script === "string" ? script : [...script.pieces()].join("");
}

/** The statements as a script for `nft -f`. The same statements give the same bytes. */
export function render(family: IpFamily, statements: readonly Statement[]): string {
  return statements.map((statement) => renderStatement(family, statement)).join("");
}

function renderStatement(family: IpFamily, statement: Statement): string {
  const table = `${protocolOf(family)} ${tableName}`;
  switch (statement.kind) {
    case "add-table":
      return `add table ${table}\n`;
    case "delete-table":
      // Adding first makes the deletion succeed when there is no table.
      return `add table ${table}\ndelete table ${table}\n`;
    case "add-set":
      return `add ${setWord(statement.set)} ${table} ${statement.set} { ${setType(family, statement.set)} }\n`;
    case "flush-set":
      return `flush ${setWord(statement.set)} ${table} ${statement.set}\n`;
    case "set-chain":
      return renderChain(family, table, statement.chain);
    case "add-elements":
      return `add element ${table} ${statement.set} {\n${statement.elements.map(elementText).join(",\n")}\n}\n`;
    case "delete-elements":
      return `delete element ${table} ${statement.set} {\n${statement.elements.map(({ key }) => `  ${key}`).join(",\n")}\n}\n`;
  }
}

function setWord(set: SetName): string {
  return isMap(set) ? "map" : "set";
}

function setType(family: IpFamily, set: SetName): string {
  const { destination, source, entry } = wordsOf(family);
  switch (set) {
    case "services":
    case "no-endpoints":
      return `typeof ${entry} : verdict;`;
    case "cluster-ips":
      return `typeof ${destination};`;
    case "guarded":
      return `typeof ${entry};`;
    case "source-ranges":
      return `typeof ${destination} . ${source} . meta l4proto . th dport; flags interval;`;
  }
}

function renderChain(family: IpFamily, table: string, { name, hook, rules }: Chain): string {
  const base =
    hook === undefined ? "" : ` { type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept; }`;
  const lines = rules.map((rule) => `add rule ${table} ${name} ${renderRule(family, rule)}\n`).join("");
  return `add chain ${table} ${name}${base}\nflush chain ${table} ${name}\n${lines}`;
}

/** One rule in nft's words. */
export function renderRule(family: IpFamily, { matches, action }: Rule): string {
  return [...matches.map((match) => renderMatch(family, match)), renderAction(family, action)].join(" ");
}

function renderMatch(family: IpFamily, match: Match): string {
  const { destination, source, entry } = wordsOf(family);
  switch (match.kind) {
    case "protocol":
      return `meta l4proto ${match.protocol}`;
    case "source":
      return `${source} ${networkSet(match.networks)}`;
    case "destination":
      return `${destination} ${match.not === true ? "!= " : ""}${networkSet(match.networks)}`;
    case "destination-ports":
      return `th dport { ${[...match.ports].sort((a, b) => a - b).join(", ")} }`;
    case "link":
      return `iifname "${match.name}"`;
    case "not-from-loopback":
      return 'iif != "lo"';
    case "source-is-local":
      return "fib saddr type local";
    case "destination-is-local":
      return "fib daddr type local";
    case "cluster-ip":
      return `${destination} @cluster-ips`;
    case "not-permitted":
      return `${entry} @guarded ${destination} . ${source} . meta l4proto . th dport != @source-ranges`;
    case "new":
      return "ct state new";
    case "redirected":
      return "ct status dnat";
  }
}

function renderAction(family: IpFamily, action: Action): string {
  switch (action.kind) {
    case "accept":
    case "drop":
      return action.kind;
    case "reject":
      return action.reset === true ? "reject with tcp reset" : "reject";
    case "jump":
    case "goto":
      return `${action.kind} ${action.chain}`;
    case "redirect":
      return `dnat to ${family === "IPv4" ? action.address : `[${action.address}]`}:${action.port}`;
    case "look-up": {
      const { destination, entry } = wordsOf(family);
      const key = action.nodePort === true ? `${destination} & ${anyAddress(family)} . meta l4proto . th dport` : entry;
      return `${key} vmap @${action.map}`;
    }
  }
}

function networkSet(networks: readonly Cidr[]): string {
  return `{ ${[...networks].sort().join(", ")} }`;
}

function elementText({ key, value, comment }: Element): string {
  const note = comment === undefined ? "" : ` comment "${comment.slice(0, longestComment).replaceAll('"', "'")}"`;
  return `  ${key}${note}${value === undefined ? "" : ` : ${value}`}`;
}

function protocolOf(family: IpFamily): "ip" | "ip6" {
  return family === "IPv4" ? "ip" : "ip6";
}

interface Words {
  readonly source: string;
  readonly destination: string;
  readonly entry: string;
}

function wordsOf(family: IpFamily): Words {
  const protocol = protocolOf(family);
  const destination = `${protocol} daddr`;
  return { source: `${protocol} saddr`, destination, entry: `${destination} . meta l4proto . th dport` };
}
