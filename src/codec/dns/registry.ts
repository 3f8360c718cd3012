/** Numbers of record types and question types (IANA's DNS parameters) that something here names. */
export const recordTypes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  HINFO: 13,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  OPT: 41,
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  SVCB: 64,
  HTTPS: 65,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  CAA: 257,
} as const;

/** Response codes; those above 15 need EDNS. */
export const responseCodes = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  NOTAUTH: 9,
  BADVERS: 16,
} as const;

/** Classes. ANY and NONE appear in questions and updates only. */
export const dnsClasses = { IN: 1, CH: 3, NONE: 254, ANY: 255 } as const;

/** Operations. */
export const opcodes = { QUERY: 0, NOTIFY: 4, UPDATE: 5 } as const;

/** EDNS options (RFC 6891 and followers) that a server may answer. */
export const ednsOptions = { NSID: 3, EXPIRE: 9, COOKIE: 10, TCP_KEEPALIVE: 11, PADDING: 12 } as const;

const typeNames: ReadonlyMap<number, string> = new Map(Object.entries(recordTypes).map(([name, code]) => [code, name]));
const codeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(responseCodes).map(([name, code]) => [code, name]),
);

/** The mnemonic of a record type, or `TYPE65280` (RFC 3597). */
export function recordTypeName(type: number): string {
  return typeNames.get(type) ?? `TYPE${type}`;
}

/** The mnemonic of a response code, or `RCODE23`. */
export function responseCodeName(code: number): string {
  return codeNames.get(code) ?? `RCODE${code}`;
}
