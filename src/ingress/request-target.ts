import { parseIp } from "../core/index.ts";

/** What of a request decides its route. */
export interface RequestTarget {
  /** Host name in lower case without port; empty when the client named none. */
  readonly host: string;
  /** Path with dot segments resolved, slashes merged and needless percent-encoding undone. */
  readonly path: string;
  /** The Host header to forward. */
  readonly authority: string;
  /** What to put on the request line: the target as received, without scheme and host. */
  readonly target: string;
}

/**
 * Reads the request line's target and the Host header. `undefined` when either is malformed: the answer is 400. An
 * absolute target overrides the header (RFC 9112, section 3.2.2).
 */
export function readTarget(target: string, hostHeader: string | undefined): RequestTarget | undefined {
  let authority = hostHeader ?? "";
  let rest = target;
  if (!target.startsWith("/") && target !== "*") {
    const absolute = /^https?:\/\/([^/?#]+)(.*)$/i.exec(target);
    if (absolute === null) return undefined;
    authority = absolute[1] ?? "";
    rest = absolute[2] ?? "";
    if (!rest.startsWith("/")) rest = `/${rest}`;
  }
  const host = readHost(authority);
  const path = target === "*" ? "*" : canonicalPath(rest);
  return host === undefined || path === undefined ? undefined : { host, path, authority, target: rest };
}

/** The host of `host`, `host:port` or `[ipv6]:port` in lower case; `undefined` when malformed. */
export function readHost(authority: string): string | undefined {
  if (authority === "") return "";
  const match = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{0,5})?$/.exec(authority);
  const host = match?.[1]?.toLowerCase();
  if (host === undefined) return undefined;
  if (host.startsWith("[")) return parseIp(host.slice(1, -1));
  return host.endsWith(".") ? host.slice(0, -1) : host;
}

/**
 * The path that routes are compared with. Backends resolve `..` and `%2e`, so a route must not be chosen by what
 * they will not see. Encoded slashes stay encoded: they separate nothing. `undefined` when the path climbs above the root
 * or is badly encoded.
 */
export function canonicalPath(target: string): string | undefined {
  const end = target.search(/[?#]/);
  const raw = end < 0 ? target : target.slice(0, end);
  // Almost every request ends here.
  if (!raw.includes("%") && !raw.includes("//") && !raw.includes("/.")) return raw;
  const decoded = decodeUnreserved(raw);
  if (decoded === undefined) return undefined;
  const segments: string[] = [];
  const parts = decoded.split("/").slice(1);
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    if (part === "..") {
      if (segments.pop() === undefined) return undefined;
      if (last) segments.push("");
    } else if (part === "." || part === "") {
      if (last) segments.push("");
    } else {
      segments.push(part);
    }
  }
  return `/${segments.join("/")}`;
}

/** Undoes the encoding of characters that need none, and writes the rest in upper case (RFC 3986, section 6.2.2). */
function decodeUnreserved(path: string): string | undefined {
  let malformed = false;
  const decoded = path.replace(/%(.{0,2})/g, (_, digits: string) => {
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) malformed = true;
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : `%${digits.toUpperCase()}`;
  });
  return malformed ? undefined : decoded;
}
