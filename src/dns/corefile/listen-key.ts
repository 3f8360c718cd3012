import { cidrBase, cidrFamily, cidrPrefix, ipToBytes, parseCidr } from "../../core/index.ts";
import { formatName, parseName } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { Word } from "./blocks.ts";
import { corefileError } from "./place.ts";
import type { Place } from "./place.ts";

/** How a block is reached: plain DNS over UDP and TCP, or DNS over TLS. */
export type BlockTransport = "dns" | "tls";

/** What a block is for, and where it listens. */
export interface ListenKey extends Place {
  readonly transport: BlockTransport;
  /** Lower case, with its final dot. */
  readonly zone: string;
  readonly port: number;
}

const standardPorts: Readonly<Record<BlockTransport, number>> = { dns: 53, tls: 853 };

/**
 * Reads the key of a block: `[dns://|tls://]ZONE[:PORT]`, where ZONE may be a network (`10.0.0.0/8`: its reverse
 * zones). `port` is the one for keys that name none. Throws `CodedError` code `InvalidCorefile`.
 */
export function readListenKey(word: Word, port: number | undefined): readonly ListenKey[] {
  const scheme = /^([a-z0-9+]+):\/\//i.exec(word.text);
  const transport = scheme?.[1]?.toLowerCase() ?? "dns";
  if (transport !== "dns" && transport !== "tls") {
    throw corefileError(word, `${transport}:// is not served: use dns:// or tls://`);
  }
  const rest = word.text.slice(scheme?.[0].length ?? 0);
  const match = /^(.*?)(?::([0-9]+))?$/.exec(rest);
  const zoneText = match?.[1] ?? "";
  const own = match?.[2] === undefined ? undefined : Number(match[2]);
  if (own !== undefined && (own < 1 || own > 65_535)) {
    throw corefileError(word, `port ${own} in ${JSON.stringify(word.text)} is not between 1 and 65535`);
  }
  const chosen = own ?? (transport === "dns" && port !== undefined ? port : standardPorts[transport]);
  return readZones({ ...word, text: zoneText === "" ? "." : zoneText }).map((zone) => ({
    file: word.file,
    line: word.line,
    transport,
    zone,
    port: chosen,
  }));
}

/**
 * A zone in lower case with its final dot; a network becomes its reverse zones, several when its length is not one of
 * the borders of labels. Throws `CodedError` code `InvalidCorefile`.
 */
export function readZones(word: Word): readonly string[] {
  const reverse = word.text.includes("/") ? reverseZones(word.text) : undefined;
  if (reverse !== undefined) return reverse;
  const name = parseName(word.text);
  if (name === undefined || word.text.includes("/")) {
    throw corefileError(
      word,
      `${JSON.stringify(word.text)} is no zone: write a name such as example.org or a network such as 10.0.0.0/8`,
    );
  }
  return [zoneText(name)];
}

/** A name as zones are written here: lower case, with its final dot. */
export function zoneText(name: DnsName): string {
  return formatName(name).toLowerCase();
}

function reverseZones(text: string): readonly string[] | undefined {
  const network = parseCidr(text);
  if (network === undefined) return undefined;
  const isV4 = cidrFamily(network) === "IPv4";
  const width = isV4 ? 8 : 4;
  const prefix = cidrPrefix(network);
  const bytes = [...ipToBytes(cidrBase(network))];
  const digits = isV4 ? bytes : bytes.flatMap((byte) => [byte >> 4, byte & 15]);
  const whole = Math.floor(prefix / width);
  const suffix = isV4 ? "in-addr.arpa." : "ip6.arpa.";
  const zoneOf = (labels: readonly number[]) =>
    [...labels.map((digit) => (isV4 ? String(digit) : digit.toString(16))).reverse(), suffix].join(".");
  const known = digits.slice(0, whole);
  if (prefix % width === 0) return [zoneOf(known)];
  const first = digits[whole] ?? 0;
  return Array.from({ length: 2 ** (width - (prefix % width)) }, (_, i) => zoneOf([...known, first + i]));
}
