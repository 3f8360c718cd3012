import { cidrBase, cidrPrefix, ipBits, ipFamily, parseCidr, parseIp } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";
import type { Match, Rule, RuleProtocol, Target } from "./rule.ts";

/**
 * Reads what `iptables-save` lists behind `-A CHAIN`, or what `ruleText` wrote. `undefined` for a rule that says something
 * this program never says: a rule of others.
 */
export function parseRule(text: string): Rule | undefined {
  const words = new Words(splitWords(text));
  const matches: Match[] = [];
  let target: Target | undefined;
  let protocol: { readonly kind: "protocol"; readonly protocol: RuleProtocol } | undefined;
  let destinationPort: number | undefined;
  while (!words.atEnd) {
    const not = words.take("!") ? ({ not: true } as const) : {};
    const option = words.next();
    if (option === "-p") {
      const name = words.next();
      if (name !== "tcp" && name !== "udp" && name !== "sctp") return undefined;
      protocol = { kind: "protocol", protocol: name };
    } else if (option === "--dport") {
      destinationPort = Number(words.next());
      if (!Number.isInteger(destinationPort) || "not" in not) return undefined;
    } else if (option === "-j") {
      target = parseTarget(words);
      if (target === undefined) return undefined;
    } else {
      const match = option === "-m" ? parseModule(words) : parseAddress(option, words, not);
      if (match === undefined) return undefined;
      if (match !== "nothing") matches.push(match);
    }
  }
  if (destinationPort !== undefined && protocol === undefined) return undefined;
  const port = destinationPort === undefined ? {} : { destinationPort };
  const all = protocol === undefined ? matches : [...matches, { ...protocol, ...port }];
  return target === undefined ? { matches: all } : { matches: all, target };
}

type Not = { readonly not?: true };

function parseAddress(option: string, words: Words, not: Not): Match | undefined {
  if (option === "-i") return { kind: "in-interface", name: words.next(), ...not };
  if (option !== "-s" && option !== "-d") return undefined;
  const network = parseNetwork(words.next());
  if (network === undefined) return undefined;
  return { kind: option === "-s" ? "source" : "destination", network, ...not };
}

/** A network of one address is that address: `iptables-save` adds the prefix. */
function parseNetwork(text: string): Ip | Cidr | undefined {
  const range = parseCidr(text);
  if (range === undefined) return parseIp(text);
  const base = cidrBase(range);
  return cidrPrefix(range) === ipBits(ipFamily(base)) ? base : range;
}

function parseModule(words: Words): Match | "nothing" | undefined {
  const module = words.next();
  switch (module) {
    case "tcp":
    case "udp":
    case "sctp":
      // Its options stand for themselves.
      return "nothing";
    case "comment":
      return words.take("--comment") ? { kind: "comment", text: words.next() } : undefined;
    case "conntrack": {
      const not = words.take("!") ? ({ not: true } as const) : {};
      if (!words.take("--ctstate")) return undefined;
      return { kind: "connection-state", states: words.next().split(","), ...not };
    }
    case "addrtype": {
      const not = words.take("!") ? ({ not: true } as const) : {};
      const side = words.take("--src-type") ? "source" : words.take("--dst-type") ? "destination" : undefined;
      if (side === undefined || words.next() !== "LOCAL") return undefined;
      return { kind: "local-address", side, ...not };
    }
    case "mark": {
      const not = words.take("!") ? ({ not: true } as const) : {};
      if (!words.take("--mark")) return undefined;
      const [value, mask] = words.next().split("/").map(Number);
      if (value === undefined || value !== mask) return undefined;
      return { kind: "mark", bits: value, ...not };
    }
    case "statistic":
      return parseStatistic(words);
    case "recent":
      return parseRecent(words);
    default:
      return undefined;
  }
}

function parseStatistic(words: Words): Match | undefined {
  if (!words.take("--mode")) return undefined;
  const mode = words.next();
  if (mode === "random" && words.take("--probability")) return { kind: "random", probability: Number(words.next()) };
  if (mode !== "nth" || !words.take("--every")) return undefined;
  const packets = Number(words.next());
  return words.take("--packet") && words.next() === "0" ? { kind: "every", packets } : undefined;
}

/** The options come in another order than they were given. */
function parseRecent(words: Words): Match | undefined {
  let list = "";
  let seconds = 0;
  let sets = false;
  for (;;) {
    if (words.take("--name")) list = words.next();
    else if (words.take("--seconds")) seconds = Number(words.next());
    else if (words.take("--mask")) words.next();
    else if (words.take("--set")) sets = true;
    else if (!words.take("--rcheck") && !words.take("--reap") && !words.take("--rsource")) break;
  }
  if (list === "") return undefined;
  if (sets) return { kind: "remember-source", list };
  return seconds > 0 ? { kind: "recently-seen", list, seconds } : undefined;
}

function parseTarget(words: Words): Target | undefined {
  const name = words.next();
  switch (name) {
    case "ACCEPT":
      return { kind: "accept" };
    case "DROP":
      return { kind: "drop" };
    case "RETURN":
      return { kind: "return" };
    case "REJECT":
      if (!words.take("--reject-with")) return { kind: "reject" };
      return parseReject(words.next());
    case "MASQUERADE":
      return { kind: "masquerade", randomly: words.take("--random-fully") };
    case "DNAT":
      return words.take("--to-destination") ? parseDnat(words.next()) : undefined;
    case "MARK":
      return parseMark(words);
    default:
      return /^[A-Z]+$/.test(name) ? undefined : { kind: "jump", chain: name };
  }
}

function parseReject(answer: string): Target | undefined {
  if (answer === "tcp-reset") return { kind: "reset" };
  return answer === "icmp-port-unreachable" || answer === "icmp6-port-unreachable" ? { kind: "reject" } : undefined;
}

function parseDnat(text: string): Target | undefined {
  const parts = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(text);
  const ip = parseIp(parts?.[1] ?? parts?.[2] ?? "");
  return ip === undefined ? undefined : { kind: "dnat", ip, port: Number(parts?.[3]) };
}

/** The kernel knows only "clear the bits of the mask, then flip those of the value". */
function parseMark(words: Words): Target | undefined {
  if (words.take("--or-mark")) return { kind: "set-mark-bits", bits: Number(words.next()) };
  if (words.take("--xor-mark")) return { kind: "flip-mark-bits", bits: Number(words.next()) };
  if (!words.take("--set-xmark")) return undefined;
  const [bits = Number.NaN, mask] = words.next().split("/").map(Number);
  if (mask === bits) return { kind: "set-mark-bits", bits };
  return mask === 0 ? { kind: "flip-mark-bits", bits } : undefined;
}

class Words {
  readonly #words: readonly string[];
  #at = 0;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  get atEnd(): boolean {
    return this.#at >= this.#words.length;
  }

  /** The next word; empty at the end. */
  next(): string {
    return this.#words[this.#at++] ?? "";
  }

  /** Goes on behind the next word when it is this one. */
  take(word: string): boolean {
    if (this.#words[this.#at] !== word) return false;
    this.#at++;
    return true;
  }
}

/** Words are apart by spaces, except between quotes, where a backslash keeps the next character. */
function splitWords(text: string): readonly string[] {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, "$1") : word));
}
