import type { ResolvConf } from "../resolv-conf.ts";

/** The C libraries whose resolvers are known here. */
export type ResolverKind = "glibc" | "musl";

/** What a resolver takes from its file, after the limits of its library. */
export interface ResolverSettings {
  readonly kind: ResolverKind;
  /** Three at most. */
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  /** Names with fewer dots are searched for before they are tried as they stand. */
  readonly ndots: number;
  /** How long a server is waited for, in milliseconds. */
  readonly timeoutMs: number;
  readonly attempts: number;
  /** Begins with another server each time. */
  readonly rotate: boolean;
  /** Asks for A and AAAA one after the other. */
  readonly inTurn: boolean;
  readonly tcp: boolean;
  /** Never asks for names without a dot as they stand, when there is a search list. */
  readonly noTopLevel: boolean;
  /** Never asks for AAAA. */
  readonly noAaaa: boolean;
  /** What the library does not take from the file, and why. */
  readonly remarks: readonly string[];
}

/** musl reads lines of up to 254 bytes, and leaves out longer ones. */
const muslLongestLine = 254;

/** The settings that a library's resolver takes from `/etc/resolv.conf`: resolv.conf(5), and `resolvconf.c` of musl. */
export function resolverSettings(kind: ResolverKind, { nameservers, searches, options }: ResolvConf): ResolverSettings {
  const remarks: string[] = [];
  const limits =
    kind === "glibc"
      ? { ndots: 15, timeout: 30, attempts: 5 }
      : // musl has no others.
        { ndots: 15, timeout: 60, attempts: 10 };
  const number = (name: keyof typeof limits, usual: number) => {
    const text = options.findLast((option) => option.startsWith(`${name}:`))?.slice(name.length + 1) ?? "";
    return /^[0-9]+/.test(text) ? Math.min(Number.parseInt(text, 10), limits[name]) : usual;
  };
  const has = (...names: readonly string[]) => kind === "glibc" && names.some((name) => options.includes(name));
  const isTooLong = kind === "musl" && `search ${searches.join(" ")}`.length > muslLongestLine;
  if (isTooLong) remarks.push(`musl does not read the search list: its line is longer than ${muslLongestLine} bytes`);
  const unread = kind === "musl" ? options.filter((option) => !/^(ndots|timeout|attempts):/.test(option)) : [];
  if (unread.length > 0) remarks.push(`musl does not know the options ${unread.join(", ")}`);
  if (nameservers.length === 0) remarks.push("the file names no server, so the resolver asks 127.0.0.1");
  return {
    kind,
    servers: nameservers.length === 0 ? ["127.0.0.1"] : nameservers.slice(0, 3),
    searches: isTooLong ? [] : searches,
    ndots: number("ndots", 1),
    timeoutMs: 1000 * number("timeout", 5),
    attempts: Math.max(1, number("attempts", 2)),
    rotate: has("rotate"),
    inTurn: has("single-request", "single-request-reopen"),
    tcp: has("use-vc"),
    noTopLevel: has("no-tld-query", "no_tld_query"),
    noAaaa: has("no-aaaa"),
    remarks,
  };
}
