import type { NameReason } from "./name-reason.ts";
import type { ResolverSettings } from "./resolver-settings.ts";
import type { LookupEnd, LookupType, NameOrigin, QueryOutcome } from "./resolver-step.ts";

/** One query that was sent, and what came of it. */
export interface TracedQuery {
  readonly type: LookupType;
  readonly server: string;
  readonly transport: "udp" | "tcp";
  readonly outcome: QueryOutcome;
  /** Records of the answer, as in a zone file without owner and TTL: `CNAME db.example.com.`, `A 192.0.2.1`. */
  readonly answers: readonly string[];
  /** From sending to the answer; `undefined` when none came. */
  readonly microseconds: number | undefined;
  /** Why it was sent once more. */
  readonly again: string | undefined;
  /** Who answered, in the server's own words; the server's address where it does not tell. */
  readonly answeredBy: string;
  readonly why: string;
  /** Why the cluster's names that were looked up are what they are. */
  readonly reasons: readonly NameReason[];
}

/** One name that was tried. */
export interface TracedName {
  /** With its final dot. */
  readonly name: string;
  readonly origin: NameOrigin;
  readonly queries: readonly TracedQuery[];
  readonly goesOn: boolean;
  /** Why the resolver goes on, or stops. */
  readonly why: string;
}

/** A domain of the search list that was passed over. */
export interface SkippedDomain {
  readonly domain: string;
  readonly why: string;
}

/** A lookup as a resolver does it. */
export interface TracedLookup {
  readonly settings: ResolverSettings;
  readonly names: readonly TracedName[];
  readonly skipped: readonly SkippedDomain[];
  readonly end: LookupEnd;
  /** What the program is told: addresses, or other record data. */
  readonly results: readonly string[];
  /** How long the program waited: queries that are under way together count once. */
  readonly microseconds: number;
}
