/** What the body of a message looks like on the wire. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: string }
  | { readonly kind: "chunked" };

/** What the router knows about a request beside its own headers. */
export interface ForwardedRequest {
  /** Names and values in turn, as received. */
  readonly rawHeaders: readonly string[];
  readonly method: string;
  readonly framing: Framing;
  /** Address of the peer; a mapped IPv4 address is written as IPv4. */
  readonly remoteAddress: string;
  readonly scheme: "http" | "https";
  /** The port on which the request came in. */
  readonly port: number;
  /** The Host header to send. */
  readonly host: string;
  /** Used unless the client sent its own X-Request-ID. */
  readonly requestId: string;
  /** Whether the peer is a proxy whose X-Forwarded-* headers are believed. */
  readonly trusted: boolean;
  /** The protocol to which the client wants to switch. */
  readonly upgrade?: string;
}

/** Headers that concern one connection only (RFC 9110, section 7.6.1), and those that the router itself decides. */
const dropped = new Set([
  "host",
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "transfer-encoding",
  "content-length",
  "upgrade",
  "http2-settings",
  "expect",
  // CGI backends would take it for the variable HTTP_PROXY ("httpoxy").
  "proxy",
]);

const forwarded = new Set([
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
  "x-forwarded-scheme",
  "x-original-forwarded-for",
  "x-real-ip",
  "forwarded",
]);

/**
 * The headers for the backend, names and values in turn. Host is kept. A client's own X-Forwarded-* headers are replaced
 * (what it claimed about itself goes to X-Original-Forwarded-For), unless it is trusted: then they are continued.
 */
export function requestHeaders(request: ForwardedRequest): string[] {
  const { framing, method, rawHeaders, remoteAddress, trusted } = request;
  const named = namedByConnection(rawHeaders);
  const headers: string[] = ["Host", request.host];
  const claimed = new Map<string, string>();
  let requestId = request.requestId;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const value = rawHeaders[i + 1] ?? "";
    const lower = name.toLowerCase();
    if (dropped.has(lower)) continue;
    if (forwarded.has(lower)) {
      const before = claimed.get(lower);
      claimed.set(lower, before === undefined ? value : `${before}, ${value}`);
    } else if (lower === "x-request-id") {
      requestId = value;
    } else if (named?.has(lower) !== true) {
      headers.push(name, value);
    }
  }
  const claimedFor = claimed.get("x-forwarded-for");
  const keep = (name: string, own: string) => (trusted ? (claimed.get(name) ?? own) : own);
  headers.push(
    "X-Request-ID",
    requestId,
    "X-Real-IP",
    keep("x-real-ip", remoteAddress),
    "X-Forwarded-For",
    trusted && claimedFor !== undefined ? `${claimedFor}, ${remoteAddress}` : remoteAddress,
    "X-Forwarded-Host",
    keep("x-forwarded-host", request.host),
    "X-Forwarded-Port",
    keep("x-forwarded-port", String(request.port)),
    "X-Forwarded-Proto",
    keep("x-forwarded-proto", request.scheme),
  );
  if (claimedFor !== undefined && !trusted) headers.push("X-Original-Forwarded-For", claimedFor);
  if (framing.kind === "length") headers.push("Content-Length", framing.length);
  else if (framing.kind === "chunked") headers.push("Transfer-Encoding", "chunked");
  else if (method === "POST" || method === "PUT" || method === "PATCH") headers.push("Content-Length", "0");
  if (request.upgrade !== undefined) headers.push("Connection", "Upgrade", "Upgrade", request.upgrade);
  return headers;
}

/**
 * The headers for the client. The length stays as the backend said it; chunks are made anew. `Server` is added when the
 * backend names none.
 */
export function responseHeaders(rawHeaders: readonly string[]): string[] {
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  let server = false;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    if (lower !== "content-length" && (dropped.has(lower) || named?.has(lower) === true)) {
      // A backend may ask for credentials that reach it through the client's own proxy.
      if (lower !== "proxy-authenticate") continue;
    }
    if (lower === "server") server = true;
    headers.push(name, rawHeaders[i + 1] ?? "");
  }
  if (!server) headers.push("Server", "sealane");
  return headers;
}

/** The headers that a Connection header declares to concern this connection only. */
function namedByConnection(rawHeaders: readonly string[]): ReadonlySet<string> | undefined {
  let named: Set<string> | undefined;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length !== 10 || name.toLowerCase() !== "connection") continue;
    for (const option of (rawHeaders[i + 1] ?? "").split(",")) (named ??= new Set()).add(option.trim().toLowerCase());
  }
  return named;
}
