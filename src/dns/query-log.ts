import { formatName, headerBits, recordTypeName, responseCodeName } from "../codec/index.ts";
import type { DnsName } from "../codec/index.ts";
import type { LogSettings, ResponseClass } from "./corefile/configuration.ts";

/** The line that CoreDNS writes for a query unless told otherwise. */
export const commonLogFormat =
  '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" {rcode} {>rflags} {rsize} {duration}';
/** The same with the operation of the query. */
export const combinedLogFormat = `${commonLogFormat} "{>opcode}"`;

/** One answered query, as a log line may show it. */
export interface AnsweredQuery {
  readonly name: DnsName;
  readonly type: number;
  /** The header's second word of the query. */
  readonly queryFlags: number;
  readonly id: number;
  readonly querySize: number;
  readonly dnssecOk: boolean;
  /** Bytes over UDP that the client offered. */
  readonly bufsize: number;
  readonly transport: "udp" | "tcp";
  readonly client: { readonly address: string; readonly port: number } | undefined;
  readonly rcode: number;
  /** The header's second word of the answer. */
  readonly replyFlags: number;
  readonly replySize: number;
  readonly hasAnswers: boolean;
  /** Seconds. */
  readonly duration: number;
}

const flagNames: readonly (readonly [bit: number, name: string])[] = [
  [headerBits.response, "qr"],
  [headerBits.authoritative, "aa"],
  [headerBits.truncated, "tc"],
  [headerBits.recursionDesired, "rd"],
  [headerBits.recursionAvailable, "ra"],
  [headerBits.authenticData, "ad"],
  [headerBits.checkingDisabled, "cd"],
];

const fields: Readonly<Record<string, (query: AnsweredQuery) => string>> = {
  "{remote}": ({ client }) => bracketed(client?.address ?? "-"),
  "{port}": ({ client }) => String(client?.port ?? 0),
  "{>id}": ({ id }) => String(id),
  "{type}": ({ type }) => recordTypeName(type),
  "{class}": () => "IN",
  "{name}": ({ name }) => formatName(name).toLowerCase(),
  "{proto}": ({ transport }) => transport,
  "{size}": ({ querySize }) => String(querySize),
  "{>do}": ({ dnssecOk }) => String(dnssecOk),
  "{>bufsize}": ({ bufsize }) => String(bufsize),
  "{>opcode}": ({ queryFlags }) => String((queryFlags >> 11) & 15),
  "{rcode}": ({ rcode }) => responseCodeName(rcode),
  "{>rflags}": ({ replyFlags }) =>
    flagNames
      .filter(([bit]) => (replyFlags & bit) !== 0)
      .map(([, name]) => name)
      .join(","),
  "{rsize}": ({ replySize }) => String(replySize),
  "{duration}": ({ duration }) => `${duration.toFixed(9)}s`,
};

const fieldPattern = /\{[^{}]*\}/g;

/** The first field of a format that no query has. */
export function unknownLogField(format: string): string | undefined {
  return format.match(fieldPattern)?.find((field) => !Object.hasOwn(fields, field));
}

/** A query as a line in this format. */
export function queryLogLine(format: string, query: AnsweredQuery): string {
  return format.replaceAll(fieldPattern, (field) => fields[field]?.(query) ?? field);
}

/** Which class an answer is of. */
export function classOf({ rcode, hasAnswers }: Pick<AnsweredQuery, "rcode" | "hasAnswers">): ResponseClass {
  if (rcode === 3 || (rcode === 0 && !hasAnswers)) return "denial";
  return rcode === 0 ? "success" : "error";
}

/** Whether answers of this class are written at all. */
export function isLogged({ classes }: LogSettings, one: ResponseClass): boolean {
  return classes.includes("all") || classes.includes(one);
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
