import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  dnsName,
  formatName,
  labelIs,
  labelText,
  nameFrom,
  nameKey,
  parseName,
  prependLabels,
  rootName,
  sameName,
  zoneOffset,
} from "./name.ts";
import type { DnsName } from "./name.ts";

/** Names of any bytes, as they may come over the wire. */
export const anyName = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { maxLength: 8 })
  .map((labels) => Uint8Array.from([...labels.flatMap((label) => [label.length, ...label]), 0]) as DnsName);

describe("parseName()", () => {
  const table: readonly (readonly [string, string | undefined])[] = [
    [".", "."],
    ["web.tour", "web.tour."],
    ["Web.Tour.", "Web.Tour."],
    ["_http._tcp.web.tour.svc.cluster.local.", "_http._tcp.web.tour.svc.cluster.local."],
    ["a\\.b.c", "a\\.b.c."],
    ["a\\046b.c", "a\\.b.c."],
    ["a\\032b", "a\\032b."],
    ["\\000", "\\000."],
    ["a\\255", "a\\255."],
    ["", undefined],
    ["..", undefined],
    [".a", undefined],
    ["a..b", undefined],
    ["a b", undefined],
    ["ä", undefined],
    ["a\\256", undefined],
    ["a\\", undefined],
    [`${"a".repeat(63)}.b`, `${"a".repeat(63)}.b.`],
    [`${"a".repeat(64)}.b`, undefined],
    [`${"a".repeat(63)}.`.repeat(3) + "a".repeat(61), `${"a".repeat(63)}.`.repeat(3) + `${"a".repeat(61)}.`],
    [`${"a".repeat(63)}.`.repeat(3) + "a".repeat(62), undefined],
  ];
  it.each(table)("reads %j as %j", (text, expected) => {
    const name = parseName(text);
    expect(name === undefined ? undefined : formatName(name)).toBe(expected);
  });

  it("gives back every name that formatName() wrote, byte for byte", () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(parseName(formatName(name))).toEqual(name);
        expect(sameName(name, dnsName(formatName(name)))).toBe(true);
      }),
    );
  });
});

describe("zoneOffset()", () => {
  const zone = dnsName("cluster.local");
  it.each([
    ["cluster.local", 0],
    ["web.tour.svc.CLUSTER.local", 13],
    ["xcluster.local", -1],
    ["local", -1],
    [".", -1],
    // Ends in the bytes of the zone, but within a label: "a\007cluster.local" is one label and "local".
    ["a\\007cluster.local", -1],
  ])("finds the zone of %j at %i", (text, offset) => expect(zoneOffset(dnsName(text), zone)).toBe(offset));

  it("gives what comes after the labels that were put in front", () => {
    const name = prependLabels(["web", "tour", "svc"], zone);
    expect(formatName(name)).toBe("web.tour.svc.cluster.local.");
    expect(nameFrom(name, zoneOffset(name, zone))).toEqual(zone);
    expect(zoneOffset(name, rootName)).toBe(name.length - 1);
  });
});

describe("labels", () => {
  const name = dnsName("Web.TOUR");
  it("labelText() lowers case", () => expect([labelText(name, 0), labelText(name, 4)]).toEqual(["web", "tour"]));
  it("labelIs() ignores case", () => {
    expect(labelIs(name, 4, "tour")).toBe(true);
    expect(labelIs(name, 4, "tou")).toBe(false);
  });
  it("nameKey() is equal for names that differ in case only", () =>
    expect(nameKey(dnsName("WEB.tour"))).toBe(nameKey(name)));
  it("prependLabels() refuses what is no label", () => {
    expect(() => prependLabels([""], rootName)).toThrow(RangeError);
    expect(() => prependLabels(["a".repeat(64)], rootName)).toThrow(RangeError);
    expect(() =>
      prependLabels(
        Array.from({ length: 5 }, () => "a".repeat(63)),
        rootName,
      ),
    ).toThrow(RangeError);
  });
});
