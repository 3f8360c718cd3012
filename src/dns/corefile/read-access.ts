import { cidrFamily, cidrPrefix, parseCidr } from "../../core/index.ts";
import type { Cidr } from "../../core/index.ts";
import {
  expectArguments,
  expectNoBlock,
  onlyArgument,
  readChoice,
  readInteger,
  readNetwork,
  readProperties,
  readRecordType,
  readZoneList,
} from "./arguments.ts";
import type { Directive, Word } from "./blocks.ts";
import type { AclRule, AclSettings, Dns64Settings, RateLimitSettings, TransferSettings } from "./configuration.ts";
import { corefileError } from "./place.ts";

const actions = ["allow", "block", "filter", "drop"] as const;

/** `acl [ZONES...] { ACTION [type TYPE...] [net SOURCE...] }` */
export function readAcl(plugin: Directive): AclSettings {
  const rules = (plugin.block ?? []).map((line): AclRule => {
    expectNoBlock(line);
    const action = readChoice({ ...line, text: line.name }, actions);
    const types: Word[] = [];
    const sources: Word[] = [];
    let into: Word[] | undefined;
    for (const word of line.args) {
      if (word.text === "type") into = types;
      else if (word.text === "net") into = sources;
      else if (into === undefined) throw corefileError(word, `acl: write: ${action} [type TYPE...] [net SOURCE...]`);
      else into.push(word);
    }
    return {
      action,
      types: types.some(isStar) ? [] : types.map(readRecordType),
      sources: sources.some(isStar) ? [] : sources.map(readNetwork),
    };
  });
  if (rules.length === 0)
    throw corefileError(plugin, "acl: no rule; write a block with lines such as: block net 10.0.0.0/8");
  return { zones: readZoneList(plugin.args), rules };
}

/** `transfer [ZONES...] { to ADDRESS...|* }` */
export function readTransfer(plugin: Directive): TransferSettings {
  let to: TransferSettings["to"] | undefined;
  readProperties(plugin, {
    to: (property) => {
      expectArguments(property, 1, Infinity, "to ADDRESS...");
      const before = to ?? [];
      to = before === "all" || property.args.some(isStar) ? "all" : [...before, ...property.args.map(readNetwork)];
    },
  });
  if (to === undefined) throw corefileError(plugin, "transfer: nobody is allowed; write a line: to ADDRESS...");
  return { zones: readZoneList(plugin.args), to };
}

/** `ratelimit PER_SECOND [BURST] { answer refuse|truncate|drop; exempt NETWORK... }`: Sealane's own. */
export function readRateLimit(plugin: Directive): RateLimitSettings {
  expectArguments(plugin, 1, 2, "ratelimit PER_SECOND [BURST]");
  const [rate, burst] = plugin.args;
  if (rate === undefined) throw new TypeError("Arguments were counted before");
  const perSecond = readInteger(rate, 1, 1e7);
  let answer: RateLimitSettings["answer"] = "refuse";
  const exempt: Cidr[] = [];
  readProperties(plugin, {
    answer: (property) => {
      answer = readChoice(onlyArgument(property, "answer refuse|truncate|drop"), ["refuse", "truncate", "drop"]);
    },
    exempt: (property) => {
      expectArguments(property, 1, Infinity, "exempt NETWORK...");
      exempt.push(...property.args.map(readNetwork));
    },
  });
  return { perSecond, burst: burst === undefined ? perSecond : readInteger(burst, 1, 1e7), answer, exempt };
}

const wellKnownPrefix = "64:ff9b::/96";

/** `dns64 [PREFIX] { prefix PREFIX; translate_all; allow_ipv4 }` */
export function readDns64(plugin: Directive): Dns64Settings {
  expectArguments(plugin, 0, 1, "dns64 [PREFIX]");
  const [first] = plugin.args;
  let prefix = readPrefix(first ?? { file: plugin.file, line: plugin.line, text: wellKnownPrefix });
  let translateAll = false;
  let allowIpv4 = false;
  readProperties(plugin, {
    prefix: (property) => {
      prefix = readPrefix(onlyArgument(property, "prefix PREFIX"));
    },
    translate_all: (property) => {
      expectArguments(property, 0, 0, "translate_all");
      translateAll = true;
    },
    allow_ipv4: (property) => {
      expectArguments(property, 0, 0, "allow_ipv4");
      allowIpv4 = true;
    },
  });
  return { prefix, translateAll, allowIpv4 };
}

function readPrefix(word: Word): Cidr {
  const prefix = parseCidr(word.text);
  // RFC 6052 section 2.2: other lengths have no place for the address.
  if (prefix === undefined || cidrFamily(prefix) !== "IPv6" || ![32, 40, 48, 56, 64, 96].includes(cidrPrefix(prefix))) {
    throw corefileError(word, `dns64: ${JSON.stringify(word.text)} is no IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits`);
  }
  return prefix;
}

function isStar({ text }: Word): boolean {
  return text === "*";
}
