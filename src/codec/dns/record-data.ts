import { ipFromBytes, ipToBytes } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { formatName } from "./name.ts";
import type { DnsName } from "./name.ts";
import { stringEnd } from "./rdata-layout.ts";
import { recordTypeName, recordTypes } from "./registry.ts";
import { nameEnd } from "./writer.ts";

/** Timers of a zone in seconds, and where it lives. */
export interface Soa {
  readonly mname: DnsName;
  readonly rname: DnsName;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

/** The inside of a record's data, by type. Whatever is not known here is `other`. */
export type RecordData =
  | { readonly kind: "A" | "AAAA"; readonly address: Ip }
  | { readonly kind: "NS" | "CNAME" | "PTR"; readonly target: DnsName }
  | ({ readonly kind: "SOA" } & Soa)
  | { readonly kind: "MX"; readonly preference: number; readonly target: DnsName }
  | { readonly kind: "TXT"; readonly strings: readonly Uint8Array[] }
  | {
      readonly kind: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: DnsName;
    }
  | { readonly kind: "other"; readonly type: number; readonly rdata: Uint8Array };

/** Looks into record data that a decoder has checked (data of a wrong length counts as `other`). */
export function readRecordData(type: number, rdata: Uint8Array): RecordData {
  if (rdata.length === 0) return { kind: "other", type, rdata };
  switch (type) {
    case recordTypes.A:
      return { kind: "A", address: ipFromBytes(rdata) };
    case recordTypes.AAAA:
      return { kind: "AAAA", address: ipFromBytes(rdata) };
    case recordTypes.NS:
      return { kind: "NS", target: rdata as DnsName };
    case recordTypes.CNAME:
      return { kind: "CNAME", target: rdata as DnsName };
    case recordTypes.PTR:
      return { kind: "PTR", target: rdata as DnsName };
    case recordTypes.MX:
      return { kind: "MX", preference: u16(rdata, 0), target: rdata.subarray(2) as DnsName };
    case recordTypes.TXT:
      return { kind: "TXT", strings: readStrings(rdata) };
    case recordTypes.SRV:
      return {
        kind: "SRV",
        priority: u16(rdata, 0),
        weight: u16(rdata, 2),
        port: u16(rdata, 4),
        target: rdata.subarray(6) as DnsName,
      };
    case recordTypes.SOA:
      return readSoa(rdata);
    default:
      return { kind: "other", type, rdata };
  }
}

/** The data in wire form. Throws `RangeError` for strings over 255 bytes. */
export function writeRecordData(data: RecordData): Uint8Array {
  switch (data.kind) {
    case "A":
    case "AAAA":
      return ipToBytes(data.address);
    case "NS":
    case "CNAME":
    case "PTR":
      return data.target;
    case "MX":
      return afterNumbers(data.target, data.preference);
    case "SRV":
      return afterNumbers(data.target, data.priority, data.weight, data.port);
    case "TXT":
      return concat(data.strings.map(characterString));
    case "SOA":
      return concat([
        data.mname,
        data.rname,
        ...[data.serial, data.refresh, data.retry, data.expire, data.minimum].map(number32),
      ]);
    case "other":
      return data.rdata;
  }
}

/** The data as zone files write it; types not known here in the form of RFC 3597. */
export function formatRecordData(type: number, rdata: Uint8Array): string {
  const data = readRecordData(type, rdata);
  switch (data.kind) {
    case "A":
    case "AAAA":
      return data.address;
    case "NS":
    case "CNAME":
    case "PTR":
      return formatName(data.target);
    case "MX":
      return `${data.preference} ${formatName(data.target)}`;
    case "SRV":
      return `${data.priority} ${data.weight} ${data.port} ${formatName(data.target)}`;
    case "TXT":
      return data.strings.map(quote).join(" ");
    case "SOA":
      return [
        formatName(data.mname),
        formatName(data.rname),
        data.serial,
        data.refresh,
        data.retry,
        data.expire,
        data.minimum,
      ].join(" ");
    case "other":
      return `\\# ${rdata.length} ${[...rdata].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`.trimEnd();
  }
}

/** `NAME TTL IN TYPE DATA`, for people and tests. */
export function formatRecord(record: {
  readonly name: DnsName;
  readonly type: number;
  readonly ttl: number;
  readonly rdata: Uint8Array;
}): string {
  const type = recordTypeName(record.type);
  return `${formatName(record.name)} ${record.ttl} IN ${type} ${formatRecordData(record.type, record.rdata)}`;
}

function readSoa(rdata: Uint8Array): RecordData {
  const rnameAt = nameEnd(rdata, 0);
  const at = nameEnd(rdata, rnameAt);
  return {
    kind: "SOA",
    mname: rdata.subarray(0, rnameAt) as DnsName,
    rname: rdata.subarray(rnameAt, at) as DnsName,
    serial: u32(rdata, at),
    refresh: u32(rdata, at + 4),
    retry: u32(rdata, at + 8),
    expire: u32(rdata, at + 12),
    minimum: u32(rdata, at + 16),
  };
}

function readStrings(rdata: Uint8Array): Uint8Array[] {
  const strings: Uint8Array[] = [];
  for (let at = 0; at >= 0 && at < rdata.length;) {
    const end = stringEnd(rdata, at, rdata.length);
    if (end < 0) break;
    strings.push(rdata.subarray(at + 1, end));
    at = end;
  }
  return strings;
}

function quote(text: Uint8Array): string {
  let quoted = "";
  for (const byte of text) {
    if (byte < 0x20 || byte > 0x7e) quoted += `\\${String(byte).padStart(3, "0")}`;
    else quoted += `${byte === 0x22 || byte === 0x5c ? "\\" : ""}${String.fromCharCode(byte)}`;
  }
  return `"${quoted}"`;
}

function characterString(text: Uint8Array): Uint8Array {
  if (text.length > 255) throw new RangeError(`A character string has at most 255 bytes, not ${text.length}`);
  return concat([Uint8Array.of(text.length), text]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Numbers of 16 bits, then a name: made for every SRV answer, so in one piece. */
function afterNumbers(name: DnsName, ...values: readonly number[]): Uint8Array {
  const whole = new Uint8Array(2 * values.length + name.length);
  let at = 0;
  for (const value of values) {
    whole[at++] = value >>> 8;
    whole[at++] = value;
  }
  whole.set(name, at);
  return whole;
}

function number32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x1_0000 + u16(bytes, at + 2);
}
