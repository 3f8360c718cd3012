import type { DnsName } from "./name.ts";

/** What is asked. */
export interface Question {
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
}

/**
 * One record. `rdata` is the data in wire form with all names uncompressed, so it means the same outside its
 * message; `readRecordData` and `writeRecordData` know its inside.
 */
export interface ResourceRecord {
  readonly name: DnsName;
  readonly type: number;
  readonly class: number;
  /** Seconds, 0 to 2^31-1. */
  readonly ttl: number;
  readonly rdata: Uint8Array;
}

/** One EDNS option, not interpreted. */
export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** The OPT pseudo-record (RFC 6891). Its part of the response code is in the message's `rcode`. */
export interface Edns {
  /** The largest UDP payload that the sender takes, in bytes. */
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly options: readonly EdnsOption[];
}

/** A whole message (RFC 1035 section 4). The OPT record is `edns` and not among the additionals. */
export interface Message {
  readonly kind: "message";
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** The bit that must be zero. */
  readonly reserved: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
  /** 0 to 4095; above 15 only with `edns`. */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns;
}

/** Bytes that are no message: why, and where it was noticed. */
export interface Malformed {
  readonly kind: "malformed";
  readonly reason: string;
  readonly offset: number;
}

/** The bits of the second header word, with the opcode and response code left zero. */
export const headerBits = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  reserved: 0x0040,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
} as const;
