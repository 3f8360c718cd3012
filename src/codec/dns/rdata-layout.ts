import { recordTypes } from "./registry.ts";

/**
 * A part of record data: a number of bytes, a domain name, one character string, one or more character strings up
 * to the end, or whatever is left.
 */
export type RdataField = number | "name" | "string" | "strings" | "rest";

const name = ["name"] as const;
const preferenceAndName = [2, "name"] as const;

/** How the data of a type is laid out. Types that are not here are opaque bytes (RFC 3597). */
const layouts: ReadonlyMap<number, readonly RdataField[]> = new Map<number, readonly RdataField[]>([
  [recordTypes.A, [4]],
  [recordTypes.NS, name],
  [3, name], // MD
  [4, name], // MF
  [recordTypes.CNAME, name],
  [recordTypes.SOA, ["name", "name", 20]],
  [7, name], // MB
  [8, name], // MG
  [9, name], // MR
  [recordTypes.PTR, name],
  [recordTypes.HINFO, ["string", "string"]],
  [14, ["name", "name"]], // MINFO
  [recordTypes.MX, preferenceAndName],
  [recordTypes.TXT, ["strings"]],
  // RFC 3597 section 4: senders once compressed these, so receivers must still be able to read that.
  [17, ["name", "name"]], // RP
  [18, preferenceAndName], // AFSDB
  [21, preferenceAndName], // RT
  [24, [18, "name", "rest"]], // SIG
  [26, [2, "name", "name"]], // PX
  [recordTypes.AAAA, [16]],
  [30, ["name", "rest"]], // NXT
  [recordTypes.SRV, [6, "name"]],
  [recordTypes.NAPTR, [4, "string", "string", "string", "name"]],
  [36, preferenceAndName], // KX
  [recordTypes.DNAME, name],
]);

/** The types of RFC 1035: only in their data may a sender compress names (RFC 3597 section 4). */
const compressible: ReadonlySet<number> = new Set([2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15]);

/** The layout of a type's data, `undefined` for opaque bytes. */
export function rdataLayout(type: number): readonly RdataField[] | undefined {
  return layouts.get(type);
}

/** Whether names in the data of this type may be compressed. */
export function hasCompressibleRdata(type: number): boolean {
  return compressible.has(type);
}

/** Whether there are names in the data of this type. */
export function hasNames(layout: readonly RdataField[]): boolean {
  return layout.includes("name");
}

/** Where the character string that starts at `at` ends, or -1 when that is beyond `end`. */
export function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  const length = at < end ? bytes[at] : undefined;
  return length === undefined || at + 1 + length > end ? -1 : at + 1 + length;
}
