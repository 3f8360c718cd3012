import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalPath, readHost, readTarget } from "./request-target.ts";

describe("readHost()", () => {
  test.each([
    ["", ""],
    ["Example.COM", "example.com"],
    ["example.com:8080", "example.com"],
    ["example.com:", "example.com"],
    ["example.com.", "example.com"],
    ["10.0.0.1:80", "10.0.0.1"],
    ["[FD00::1]:80", "fd00::1"],
    ["under_score.example", "under_score.example"],
    ["a b", undefined],
    ["a/b", undefined],
    ["a:b", undefined],
    ["a:80:80", undefined],
    ["user@host", undefined],
    ["[nonsense]", undefined],
    ["a,b", undefined],
  ])("reads %j as %j", (text, expected) => expect(readHost(text)).toBe(expected));
});

describe("canonicalPath()", () => {
  test.each([
    ["/a/b?x=/../y", "/a/b"],
    ["/a#b", "/a"],
    ["/", "/"],
    ["/public/../admin", "/admin"],
    ["/public/%2e%2E/admin", "/admin"],
    ["/a/./b/.", "/a/b/"],
    ["/a/b/..", "/a/"],
    ["//a///b//", "/a/b/"],
    ["/a%2Fb", "/a%2Fb"],
    ["/a%2fb", "/a%2Fb"],
    ["/%61b", "/ab"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/.well-known/x", "/.well-known/x"],
    ["/a..b/...", "/a..b/..."],
    ["/..", undefined],
    ["/a/../../b", undefined],
    ["/%", undefined],
    ["/%4", undefined],
    ["/%zz", undefined],
  ])("reads %j as %j", (text, expected) => expect(canonicalPath(text)).toBe(expected));

  test("comes to rest after one pass", () => {
    const part = fc.constantFrom("/", "..", ".", "a", "%2e", "%2F", "%41", "//", "b");
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const once = canonicalPath(`/${parts.join("")}`);
        if (once === undefined) return;
        expect(canonicalPath(once)).toBe(once);
        expect(once.split("/")).not.toContain("..");
      }),
    );
  });
});

describe("readTarget()", () => {
  test.each([
    ["/a?b", "h.com:80", { host: "h.com", path: "/a", authority: "h.com:80", target: "/a?b" }],
    ["http://x.com:81/a?b", "h.com", { host: "x.com", path: "/a", authority: "x.com:81", target: "/a?b" }],
    ["http://x.com?b", "h.com", { host: "x.com", path: "/", authority: "x.com", target: "/?b" }],
    ["*", "h.com", { host: "h.com", path: "*", authority: "h.com", target: "*" }],
    ["/", undefined, { host: "", path: "/", authority: "", target: "/" }],
    ["ftp://x/", "h.com", undefined],
    ["nonsense", "h.com", undefined],
    ["/", "bad host", undefined],
    ["/../x", "h.com", undefined],
  ])("reads %j for %j", (target, host, expected) => expect(readTarget(target, host)).toEqual(expected));
});
