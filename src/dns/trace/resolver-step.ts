/** Types that a lookup asks for. */
export type LookupType = "A" | "AAAA" | "SRV" | "PTR";

/** What a program wants to know. */
export interface Lookup {
  /** As the program gives it to its resolver. */
  readonly name: string;
  /** A and AAAA together are what most programs ask for. */
  readonly types: readonly LookupType[];
}

/** Where a tried name comes from. */
export type NameOrigin =
  | { readonly kind: "as-is" }
  /** `index` counts from 0. */
  | { readonly kind: "search"; readonly index: number; readonly domain: string };

/** Queries that leave together. */
export interface Ask {
  readonly kind: "ask";
  /** With its final dot. */
  readonly name: string;
  readonly origin: NameOrigin;
  readonly types: readonly LookupType[];
  /** All of them get all queries. */
  readonly servers: readonly string[];
  readonly transport: "udp" | "tcp";
  /** The second query leaves when the first is answered. */
  readonly inTurn: boolean;
  /** How long answers are waited for, in milliseconds. */
  readonly waitMs: number;
  /** "any": one reply to each query is enough; "certain": only NOERROR and NXDOMAIN are. */
  readonly enough: "any" | "certain";
  /** Why these queries are sent again; undefined for the first time. */
  readonly again: string | undefined;
}

/** What a resolver does next. */
export type ResolverStep =
  | Ask
  /** Waits in vain: nothing that could come is of use. */
  | { readonly kind: "wait"; readonly ms: number; readonly why: string }
  /** A name is done with. */
  | { readonly kind: "decided"; readonly goesOn: boolean; readonly why: string }
  /** A name of the search list is passed over. */
  | { readonly kind: "skipped"; readonly domain: string; readonly why: string };

/** What came of one query. */
export type QueryOutcome =
  | {
      readonly kind: "reply";
      readonly rcode: string;
      /** Records in the answer section. */
      readonly records: number;
      /** Records of the type that was asked for. */
      readonly wanted: number;
      readonly truncated: boolean;
      /** Neither the server's own answer nor one that it asked for: of a server that refers to others. */
      readonly isReferral: boolean;
    }
  | { readonly kind: "timeout" }
  /** The server's machine says that nothing listens there. */
  | { readonly kind: "unreachable" };

/** One query and what came of it. */
export interface AskedQuery {
  readonly type: LookupType;
  readonly server: string;
  readonly outcome: QueryOutcome;
}

/** What came of an `Ask`. */
export interface Asked {
  readonly queries: readonly AskedQuery[];
  readonly elapsedMs: number;
}

/** What the program is told. */
export type LookupEnd = "found" | "no such name" | "no data" | "try again" | "failure";

/** An answer of a server. */
export type Reply = Extract<QueryOutcome, { readonly kind: "reply" }>;

/** A part of a resolver at work: gives what it does, takes what came of it, and ends with its result. */
export type Walk<T> = Generator<ResolverStep, T, Asked>;

/** A whole resolver at work. */
export type ResolverWalk = Walk<LookupEnd>;

/** Nothing was asked. */
export const nothingAsked: Asked = { queries: [], elapsedMs: 0 };
