import type { Cidr, Ip } from "../../core/index.ts";
import type { LabelRequirement } from "../../objects/index.ts";
import type { Upstream } from "../upstream.ts";
import type { ListenKey } from "./listen-key.ts";
import type { Place } from "./place.ts";

/** What a DNS server is to do, whoever wrote it: a Corefile, or the flags of a command. */
export interface DnsConfiguration {
  readonly servers: readonly ServerBlock[];
  /** What is accepted and has no effect here, or will not work as it stands. */
  readonly warnings: readonly string[];
}

/** Zones that fall through to the next plugin when a name does not exist: none, all, or those listed. */
export type Fallthrough = "none" | "all" | readonly string[];

/** One block: zones, where it listens, and what it does with their names. Absent plugins are undefined or empty. */
export interface ServerBlock extends Place {
  readonly keys: readonly ListenKey[];
  /** Addresses and names of network interfaces; empty for all addresses. */
  readonly bind: readonly string[];
  readonly bindExcept: readonly string[];
  readonly tls?: ServerTls;
  readonly reload?: ReloadSettings;
  readonly ready?: ReadySettings;
  readonly health?: HealthSettings;
  readonly prometheus?: { readonly address: string };
  readonly errors?: ErrorsSettings;
  readonly log: readonly LogSettings[];
  readonly rateLimit?: RateLimitSettings;
  readonly acl: readonly AclSettings[];
  readonly any: boolean;
  /** The most bytes of an answer over UDP. */
  readonly bufsize?: number;
  readonly loadbalance: boolean;
  readonly dns64?: Dns64Settings;
  readonly cache?: CacheSettings;
  readonly rewrite: readonly RewriteRule[];
  readonly autopath?: AutopathSettings;
  readonly transfer: readonly TransferSettings[];
  readonly hosts?: HostsSettings;
  readonly kubernetes?: KubernetesSettings;
  readonly loop: boolean;
  readonly forward: readonly ForwardSettings[];
  readonly whoami: boolean;
}

/** A file in PEM that the configuration names, as it was when it was read. */
export interface PemFile {
  readonly path: string;
  readonly text: string;
}

/** A server's certificate and its key. */
export interface ServerTls {
  readonly certificate: PemFile;
  readonly key: PemFile;
}

/** What TLS is to be made of, and what it may be made of. */
export interface TlsFiles extends Partial<ServerTls> {
  /** Authorities to trust. */
  readonly ca?: PemFile;
}

/** Times in milliseconds. */
export interface ReloadSettings {
  readonly intervalMs: number;
  readonly jitterMs: number;
}

export interface ReadySettings {
  readonly address: string;
  /** Whether a plugin that was ready once is asked again. */
  readonly continuously: boolean;
}

export interface HealthSettings {
  readonly address: string;
  /** How long the server goes on answering after it was told to stop, in milliseconds. */
  readonly lameduckMs: number;
}

export interface ErrorsSettings {
  readonly consolidate: readonly { readonly everyMs: number; readonly pattern: RegExp; readonly level: LogLevelName }[];
}

export type LogLevelName = "debug" | "info" | "warning" | "error";

export type ResponseClass = "all" | "success" | "denial" | "error";

export interface LogSettings {
  /** Only names in these zones; empty for all. */
  readonly zones: readonly string[];
  readonly format: string;
  readonly classes: readonly ResponseClass[];
  /** One of so many answers is written. */
  readonly sample: number;
}

export interface RateLimitSettings {
  /** Queries a second that one client may send in the long run. */
  readonly perSecond: number;
  /** Queries at once before the limit counts. */
  readonly burst: number;
  /** What a client over its limit gets; "truncate" lets real clients come back over TCP, where forged ones cannot. */
  readonly answer: "refuse" | "truncate" | "drop";
  readonly exempt: readonly Cidr[];
}

export interface AclSettings {
  readonly zones: readonly string[];
  readonly rules: readonly AclRule[];
}

export interface AclRule {
  readonly action: "allow" | "block" | "filter" | "drop";
  /** Empty for all types. */
  readonly types: readonly number[];
  /** Empty for all clients. */
  readonly sources: readonly Cidr[];
}

export interface Dns64Settings {
  readonly prefix: Cidr;
  readonly translateAll: boolean;
  readonly allowIpv4: boolean;
}

/** Capacities in answers, TTLs in seconds. */
export interface CacheSettings {
  /** Only names in these zones; empty for all of the block. */
  readonly zones: readonly string[];
  readonly success: CacheKindSettings;
  readonly denial: CacheKindSettings;
  readonly prefetch?: { readonly amount: number; readonly durationMs: number; readonly percentage: number };
  readonly serveStale?: {
    readonly forMs: number;
    readonly mode: "immediate" | "verify";
    readonly verifyTimeoutMs?: number;
    /** Seconds that clients may keep a stale answer. */
    readonly ttl?: number;
    readonly recheckMs?: number;
    readonly prefersPositive?: boolean;
  };
  readonly servfailMs: number;
  readonly keepTtl: boolean;
}

export interface CacheKindSettings {
  readonly capacity: number;
  readonly maxTtl: number;
  readonly minTtl: number;
  /** Zones whose answers of this kind are not kept; "all" for every zone. */
  readonly disabled: "all" | readonly string[];
}

export type NameMatch =
  | { readonly kind: "exact" | "prefix" | "suffix" | "substring"; readonly text: string }
  | { readonly kind: "regex"; readonly pattern: RegExp };

export type RewriteAnswer =
  | { readonly kind: "none" }
  /** Owners that are the rewritten name become the name that was asked. */
  | { readonly kind: "auto" }
  | { readonly kind: "name" | "value"; readonly pattern: RegExp; readonly replacement: string };

export type RewriteRule =
  | {
      readonly kind: "name";
      readonly goesOn: boolean;
      readonly match: NameMatch;
      readonly replacement: string;
      readonly answers: readonly RewriteAnswer[];
    }
  | {
      readonly kind: "ttl";
      readonly goesOn: boolean;
      readonly match: NameMatch;
      readonly min: number;
      readonly max: number;
    }
  | { readonly kind: "type"; readonly goesOn: boolean; readonly from: number; readonly to: number };

export interface AutopathSettings {
  readonly zones: readonly string[];
  /** Where search lists come from: the client's pod, or one list for all. */
  readonly search: { readonly kind: "kubernetes" } | { readonly kind: "list"; readonly domains: readonly string[] };
}

export interface TransferSettings {
  readonly zones: readonly string[];
  /** Who may have a copy; "all" for everybody. */
  readonly to: "all" | readonly Cidr[];
}

export interface HostsSettings {
  readonly file: string | undefined;
  readonly zones: readonly string[];
  readonly inline: readonly { readonly address: Ip; readonly names: readonly string[] }[];
  readonly ttl: number;
  readonly reverse: boolean;
  /** 0 = the file is read once. */
  readonly reloadMs: number;
  readonly fallthrough: Fallthrough;
}

/** Which objects of which API become names. */
export interface KubernetesData {
  readonly endpoint?: string;
  readonly kubeconfig?: string;
  /** Files (PEM) for `endpoint`. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string };
  /** Empty for all. */
  readonly namespaces: readonly string[];
  readonly labels: readonly LabelRequirement[];
  readonly endpointPodNames: boolean;
  readonly withEndpoints: boolean;
  /** Whether headless Services have names for their endpoints in one zone. */
  readonly zonal: boolean;
}

export interface KubernetesSettings extends Place, KubernetesData {
  readonly zones: readonly string[];
  /** Those of `zones` that hold what other clusters export, instead of the cluster's own Services. */
  readonly multicluster: readonly string[];
  readonly pods: "disabled" | "insecure" | "verified";
  readonly ttl: number;
  readonly ignoreEmptyService: boolean;
  readonly startupTimeoutMs: number;
  readonly fallthrough: Fallthrough;
}

export interface ForwardSettings extends Place {
  readonly from: readonly string[];
  /** Who is asked, with the certificates that their connections need. */
  readonly to: readonly Upstream[];
  readonly except: readonly string[];
  readonly policy: "random" | "round_robin" | "sequential";
  readonly maxFails: number;
  readonly healthCheckMs: number;
  readonly healthCheckRecursion: boolean;
  readonly healthCheckName: string;
  readonly expireMs: number;
  /** 0 = no limit. */
  readonly maxConcurrent: number;
  readonly forceTcp: boolean;
  readonly preferUdp: boolean;
  readonly failFast: boolean;
  /** After so long without an answer a second server is asked, too; undefined for never. */
  readonly hedgeMs?: number;
  /** Response codes with which the next `forward` is asked. */
  readonly next: readonly number[];
  /** Response codes with which the next server of this one is asked. */
  readonly failover: readonly number[];
}

/** What `forward` does unless it is told otherwise. */
export const forwardDefaults: Omit<ForwardSettings, keyof Place | "from" | "to"> = {
  except: [],
  policy: "random",
  maxFails: 2,
  healthCheckMs: 500,
  healthCheckRecursion: true,
  healthCheckName: ".",
  expireMs: 10_000,
  maxConcurrent: 0,
  forceTcp: false,
  preferUdp: false,
  failFast: false,
  next: [],
  failover: [],
};
