import type {
  CheaperWay,
  LookupCost,
  LookupEnd,
  LookupType,
  ResolvConf,
  ResolverKind,
  SkippedDomain,
  TracedName,
} from "../../../dns/index.ts";

/** A lookup that shall be traced. */
export interface TraceRequest {
  /** Name of a pod, perhaps with `.NAMESPACE` after it. */
  readonly pod: string;
  /** The pod's namespace; null when `pod` says it, or nobody does. */
  readonly namespace: string | null;
  /** A name, or an address whose names are wanted. */
  readonly name: string;
  /** A and AAAA together where it is not said. */
  readonly types: readonly LookupType[] | null;
  readonly resolver: ResolverKind;
}

/** What `sealane dns trace` shows, and prints with `-o json`. */
export interface TraceReport {
  readonly pod: {
    readonly namespace: string;
    readonly name: string;
    readonly node: string;
    readonly dnsPolicy: string;
  };
  readonly resolver: ResolverKind;
  readonly resolvConf: ResolvConf;
  /** What the resolver does not take from the file. */
  readonly remarks: readonly string[];
  readonly name: string;
  readonly types: readonly LookupType[];
  /** Where the answer came from without a query: `/etc/hosts`, or because the name is an address already. */
  readonly withoutQuery: string | undefined;
  readonly names: readonly TracedName[];
  readonly skipped: readonly SkippedDomain[];
  readonly end: LookupEnd;
  readonly results: readonly string[];
  /** How long the program waited. */
  readonly microseconds: number;
  readonly cost: LookupCost;
  readonly cheaper: readonly CheaperWay[];
  /** Why nothing was found. */
  readonly findings: readonly string[];
}
