import { describe, expect, it } from "vitest";
import { cluster, query } from "../../test/dns/cluster.ts";
import { ip } from "../core/index.ts";
import { checkCookie, makeCookie } from "./cookie.ts";

const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
const hex = (data: Uint8Array) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const edns = (...cookies: readonly number[]) => ({
  udpSize: 1232,
  version: 0,
  dnssecOk: false,
  options: cookies.map((length, i) => ({ code: 10, data: new Uint8Array(length).fill(i + 1) })),
});

describe("makeCookie()", () => {
  // RFC 9018 appendix A.
  const old = "e5e973e5a6b2a43f48e7dc849e37bfcf";
  const table: readonly (readonly [string, string, number, string, string])[] = [
    ["2464c4abcf10c957", "198.51.100.100", 1_559_731_985, old, "010000005cf79f111f8130c3eee29480"],
    ["2464c4abcf10c957", "198.51.100.100", 1_559_734_385, old, "010000005cf7a871d4a564a1442aca77"],
    ["fc93fc62807ddb86", "203.0.113.203", 1_559_734_700, old, "010000005cf7a9acf73a7810aca2381e"],
    [
      "22681ab97d52c298",
      "2001:db8:220:1:59de:d0f4:8769:82b8",
      1_559_741_961,
      "445536bcd2513298075a5d379663c962",
      "010000005cf7c609a6bb79d16625507a",
    ],
  ];
  it.each(table)("for %s of %s at %i", (client, address, seconds, secret, expected) => {
    expect(hex(makeCookie(bytes(client), ip(address), seconds, bytes(secret)))).toBe(`${client}${expected}`);
  });
});

describe("checkCookie()", () => {
  it.each([8, 16, 24, 40])("takes the client's part of %i bytes", (length) => {
    expect(checkCookie(edns(length))).toEqual({ kind: "client", clientPart: new Uint8Array(8).fill(1) });
  });

  it.each([0, 1, 7, 9, 15, 41, 100])("finds %i bytes malformed", (length) => {
    expect(checkCookie(edns(length))).toEqual({ kind: "malformed" });
  });

  it("looks at the first of several only", () => {
    expect(checkCookie(edns(8, 9))).toMatchObject({ kind: "client" });
    expect(checkCookie(edns())).toEqual({ kind: "none" });
    expect(checkCookie(undefined)).toEqual({ kind: "none" });
  });
});

describe("createClusterDns() with cookies", () => {
  const secret = new Uint8Array(16).fill(7);
  const client = { address: "10.244.1.5", port: 4000 };
  const cookieOf = async (length: number) => {
    const dns = cluster({ cookieSecret: secret });
    const message = await query(dns, "web.tour.svc.cluster.local", "A", { edns: edns(length), client });
    return { rcode: message.rcode, cookies: message.edns?.options.map(({ code, data }) => `${code} ${hex(data)}`) };
  };

  it.each([8, 24])("answers %i bytes with a fresh cookie for that client", async (length) => {
    const expected = makeCookie(new Uint8Array(8).fill(1), ip("10.244.1.5"), 1_700_000_000, secret);
    expect(await cookieOf(length)).toEqual({ rcode: 0, cookies: [`10 ${hex(expected)}`] });
  });

  it("answers FORMERR to one that is none", async () => {
    expect(await cookieOf(9)).toEqual({ rcode: 1, cookies: [] });
  });

  it("gives one cookie for several", async () => {
    const dns = cluster({ cookieSecret: secret });
    const message = await query(dns, "web.tour.svc.cluster.local", "A", { edns: edns(8, 8), client });
    expect(message.edns?.options).toHaveLength(1);
  });
});
