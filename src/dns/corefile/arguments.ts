import { recordTypes, responseCodes } from "../../codec/index.ts";
import { ip, ipFamily, parseCidr, parseGoDuration, parseIp } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";
import type { Directive, Word } from "./blocks.ts";
import { readZones } from "./listen-key.ts";
import { corefileError } from "./place.ts";

/** Throws unless a plugin or property has between `least` and `most` arguments; `form` says how it is written. */
export function expectArguments({ args, ...at }: Directive, least: number, most: number, form: string): void {
  if (args.length >= least && args.length <= most) return;
  const extra = args[most];
  const problem = extra === undefined ? "an argument is missing" : `${JSON.stringify(extra.text)} is one too many`;
  throw corefileError(at, `${at.name}: ${problem}; write: ${form}`);
}

/** The only argument. */
export function onlyArgument(directive: Directive, form: string): Word {
  expectArguments(directive, 1, 1, form);
  const [word] = directive.args;
  if (word === undefined) throw new TypeError("Arguments were counted before");
  return word;
}

/** Throws when a block follows where none belongs. */
export function expectNoBlock({ block, ...at }: Directive): void {
  if (block !== undefined) throw corefileError(at, `${at.name} takes no block: remove the { }`);
}

/** How one property of a plugin is read. */
export type PropertyReader = (property: Directive) => void;

/**
 * Reads the lines of a plugin's block. Throws for properties that are not in `readers`; `elsewhere` has those that exist in
 * CoreDNS only, each with what to do.
 */
export function readProperties(
  plugin: Directive,
  readers: Readonly<Record<string, PropertyReader>>,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  for (const property of plugin.block ?? []) {
    const { name } = property;
    const read = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (read === undefined) {
      const advice = Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined;
      if (advice !== undefined) throw corefileError(property, `${plugin.name}: ${name} is not supported: ${advice}`);
      const known = Object.keys(readers).join(", ");
      throw corefileError(property, `${plugin.name} has no property ${JSON.stringify(name)}; it has ${known}`);
    }
    expectNoBlock(property);
    read(property);
  }
}

/** A duration as Go writes it (`5s`, `1h30m`, `0`), in milliseconds. */
export function readDuration(word: Word): number {
  const milliseconds = parseGoDuration(word.text);
  if (milliseconds === undefined) {
    throw corefileError(
      word,
      `${JSON.stringify(word.text)} is no duration: write a number and a unit, such as 5s or 1m30s`,
    );
  }
  return milliseconds;
}

/** A whole number between `min` and `max`. */
export function readInteger(word: Word, min: number, max: number): number {
  const value = Number(word.text);
  if (!/^[0-9]+$/.test(word.text) || value < min || value > max) {
    throw corefileError(word, `${JSON.stringify(word.text)} is no number from ${min} to ${max}`);
  }
  return value;
}

/** One of these words. */
export function readChoice<T extends string>(word: Word, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === word.text);
  if (found === undefined) {
    throw corefileError(word, `${JSON.stringify(word.text)} is none of ${choices.join(", ")}`);
  }
  return found;
}

/** Zones of several words. */
export function readZoneList(words: readonly Word[]): readonly string[] {
  return words.flatMap(readZones);
}

/** A network, or a single address as one. */
export function readNetwork(word: Word): Cidr {
  const address = parseIp(word.text);
  const text = address === undefined ? word.text : `${address}/${ipFamily(address) === "IPv4" ? 32 : 128}`;
  const network = parseCidr(text);
  if (network === undefined) {
    throw corefileError(
      word,
      `${JSON.stringify(word.text)} is neither an address nor a network: write 10.0.0.0/8 or 10.1.2.3`,
    );
  }
  return network;
}

/** A record type by its mnemonic or as `TYPE65280`. */
export function readRecordType(word: Word): number {
  const name = word.text.toUpperCase();
  const known = new Map<string, number>(Object.entries(recordTypes)).get(name);
  const number = /^TYPE([0-9]{1,5})$/.exec(name);
  const type = known ?? (number === null ? undefined : Number(number[1]));
  if (type === undefined || type > 0xffff) {
    throw corefileError(word, `${JSON.stringify(word.text)} is no record type: write a name such as AAAA, or TYPE28`);
  }
  return type;
}

/** A response code by its mnemonic. */
export function readResponseCode(word: Word): number {
  const more: Readonly<Record<string, number>> = { YXDOMAIN: 6, YXRRSET: 7, NXRRSET: 8, NOTZONE: 10 };
  const code = new Map(Object.entries({ ...responseCodes, ...more })).get(word.text.toUpperCase());
  if (code === undefined)
    throw corefileError(word, `${JSON.stringify(word.text)} is no response code: write SERVFAIL, ...`);
  return code;
}

/** Whether a text is an address to listen on: `:8080`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`. */
export function isListenAddress(text: string): boolean {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? "";
  return (
    match !== null && Number(match[3]) <= 65_535 && (host === "" || host === "localhost" || parseIp(host) !== undefined)
  );
}

/** An address to listen on, see `isListenAddress`. */
export function readListenAddress(word: Word): string {
  if (!isListenAddress(word.text)) {
    throw corefileError(word, `${JSON.stringify(word.text)} is no address to listen on: write :8080 or 127.0.0.1:8080`);
  }
  return word.text;
}

/** The parts of what `readListenAddress` accepted; an empty host means every address. */
export function splitListenAddress(text: string): { readonly host: Ip | undefined; readonly port: number } {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[|\]$/g, "");
  return {
    host: host === "" ? undefined : ip(host === "localhost" ? "127.0.0.1" : host),
    port: Number(text.slice(at + 1)),
  };
}

/** A regular expression. Go's and ours differ in details, so the error is of ours. */
export function readPattern(word: Word): RegExp {
  try {
    return new RegExp(word.text, "i");
  } catch (error) {
    throw corefileError(
      word,
      `${JSON.stringify(word.text)} is no regular expression: ${error instanceof Error ? error.message : "?"}`,
    );
  }
}
