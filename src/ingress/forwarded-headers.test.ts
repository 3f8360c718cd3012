import { describe, expect, test } from "vitest";
import { requestHeaders, responseHeaders } from "./forwarded-headers.ts";
import type { ForwardedRequest } from "./forwarded-headers.ts";

const request: ForwardedRequest = {
  rawHeaders: [],
  method: "GET",
  framing: { kind: "none" },
  remoteAddress: "10.0.0.9",
  scheme: "http",
  port: 80,
  host: "shop.example.com",
  requestId: "0123",
  trusted: false,
};
/** `name: value` for each header, in order. */
const lines = (flat: readonly string[]) =>
  flat.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${flat[i + 1] ?? ""}`] : []));
const flat = (...headers: string[]) => headers.flatMap((line) => line.split(": "));

const own = [
  "X-Request-ID: 0123",
  "X-Real-IP: 10.0.0.9",
  "X-Forwarded-For: 10.0.0.9",
  "X-Forwarded-Host: shop.example.com",
  "X-Forwarded-Port: 80",
  "X-Forwarded-Proto: http",
];

describe("requestHeaders()", () => {
  test.each<[string, Partial<ForwardedRequest>, string[]]>([
    ["adds what the backend must know", {}, own],
    [
      "keeps the rest as it is, repeated ones too",
      { rawHeaders: flat("accept: */*", "Cookie: a=1", "Cookie: b=2") },
      ["accept: */*", "Cookie: a=1", "Cookie: b=2", ...own],
    ],
    [
      "removes what concerns the connection",
      {
        rawHeaders: flat(
          "Host: x",
          "Connection: close, X-Hop",
          "X-Hop: 1",
          "Keep-Alive: 5",
          "TE: trailers",
          "Upgrade: h2c",
          "HTTP2-Settings: AA",
          "Expect: 100-continue",
          "Proxy-Connection: close",
          "Proxy-Authorization: Basic x",
          "Proxy: evil",
        ),
      },
      own,
    ],
    [
      "replaces what a client claims about itself",
      {
        rawHeaders: flat(
          "X-Forwarded-For: 1.1.1.1",
          "X-Forwarded-For: 2.2.2.2",
          "X-Forwarded-Proto: https",
          "X-Real-IP: 1.1.1.1",
          "Forwarded: for=1.1.1.1",
        ),
      },
      [...own, "X-Original-Forwarded-For: 1.1.1.1, 2.2.2.2"],
    ],
    [
      "cannot be made to drop its own headers",
      { rawHeaders: flat("Connection: X-Real-IP, Host, Content-Length") },
      own,
    ],
    [
      "keeps the client's request id",
      { rawHeaders: flat("x-request-id: abc") },
      ["X-Request-ID: abc", ...own.slice(1)],
    ],
    [
      "says the length of a body once",
      { framing: { kind: "length", length: "3" }, rawHeaders: flat("Content-Length: 3") },
      [...own, "Content-Length: 3"],
    ],
    [
      "says that a body is chunked",
      { framing: { kind: "chunked" }, rawHeaders: flat("Transfer-Encoding: chunked") },
      [...own, "Transfer-Encoding: chunked"],
    ],
    ["says that a POST has no body", { method: "POST" }, [...own, "Content-Length: 0"]],
    [
      "passes an upgrade on",
      { upgrade: "websocket", rawHeaders: flat("Connection: keep-alive, Upgrade", "Upgrade: websocket") },
      [...own, "Connection: Upgrade", "Upgrade: websocket"],
    ],
  ])("%s", (_, more, expected) => {
    expect(lines(requestHeaders({ ...request, ...more }))).toEqual(["Host: shop.example.com", ...expected]);
  });

  test("continues the headers of a trusted proxy", () => {
    const rawHeaders = flat(
      "X-Forwarded-For: 1.1.1.1",
      "X-Forwarded-Proto: https",
      "X-Forwarded-Port: 443",
      "X-Forwarded-Host: a.com",
      "X-Real-IP: 1.1.1.1",
    );
    expect(lines(requestHeaders({ ...request, trusted: true, rawHeaders }))).toEqual([
      "Host: shop.example.com",
      "X-Request-ID: 0123",
      "X-Real-IP: 1.1.1.1",
      "X-Forwarded-For: 1.1.1.1, 10.0.0.9",
      "X-Forwarded-Host: a.com",
      "X-Forwarded-Port: 443",
      "X-Forwarded-Proto: https",
    ]);
  });
});

describe("responseHeaders()", () => {
  test.each<[string, string[], string[]]>([
    ["adds a Server", ["Content-Type: a/b"], ["Content-Type: a/b", "Server: sealane"]],
    [
      "keeps the backend's Server, length and cookies",
      ["server: x", "Content-Length: 3", "Set-Cookie: a", "Set-Cookie: b"],
      ["server: x", "Content-Length: 3", "Set-Cookie: a", "Set-Cookie: b"],
    ],
    [
      "removes what concerns the connection",
      ["Server: x", "Connection: keep-alive, x-hop", "Keep-Alive: timeout=5", "x-hop: 1", "Transfer-Encoding: chunked"],
      ["Server: x"],
    ],
    [
      "keeps the length even when Connection names it",
      ["Server: x", "Connection: content-length", "Content-Length: 3"],
      ["Server: x", "Content-Length: 3"],
    ],
  ])("%s", (_, headers, expected) => expect(lines(responseHeaders(flat(...headers)))).toEqual(expected));
});
