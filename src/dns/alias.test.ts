import { describe, expect, it } from "vitest";
import {
  dnsName,
  formatName,
  formatRecordData,
  recordTypeName,
  recordTypes,
  responseCodeName,
} from "../codec/index.ts";
import { followAlias } from "./alias.ts";
import { failure, positive, records } from "./resolver.ts";
import type { Reply, Request } from "./resolver.ts";

const request = (type: number): Request => ({
  name: dnsName("start.tour.svc.cluster.local"),
  type,
  flags: 0,
  dnssecOk: false,
  transport: "udp",
  client: undefined,
  aliases: [],
});
const address = positive([records(0, recordTypes.A, 10, [Uint8Array.of(1, 2, 3, 4)])]);
const soa = records(0, recordTypes.SOA, 5, []);

/** The reply in words: code, owners, types and data. */
function told(reply: Reply | undefined, start: string): readonly string[] | undefined {
  if (reply === undefined) return undefined;
  const answer = reply.answer.flatMap(({ owner, type, data }) => {
    const name = typeof owner === "number" ? start : formatName(owner);
    const list = data.kind === "rdata" ? data.list : [];
    return list.map((rdata) => `${name} ${recordTypeName(type)} ${formatRecordData(type, rdata)}`);
  });
  return [responseCodeName(reply.rcode), ...(reply.truncated ? ["TC"] : []), ...answer];
}

/** Follows a chain of names `c0`, `c1`, ..., of which the last has what `end` gives. */
async function chain(length: number, end: Reply, domain = "example.org", type: number = recordTypes.A) {
  const name = (i: number) => dnsName(`c${i}.${domain}`);
  const zone = {
    domain: dnsName("cluster.local"),
    ttl: 5,
    resolve: (next: Request): Reply | Promise<Reply> => {
      const i = Number(/^c(\d+)/.exec(formatName(next.name))?.[1]);
      return i === length - 1 ? end : (followAlias(next, name(i + 1), zone) ?? failure(responseCodes.NXDOMAIN));
    },
  };
  return told(await followAlias(request(type), name(0), zone), "start.");
}
const responseCodes = { SERVFAIL: 2, NXDOMAIN: 3 };

describe("followAlias()", () => {
  it("gives the alias, then what is under its target", async () => {
    expect(await chain(1, address)).toEqual(["NOERROR", "start. CNAME c0.example.org.", "c0.example.org. A 1.2.3.4"]);
  });

  it("follows chains, aliases before addresses", async () => {
    expect(await chain(3, address)).toEqual([
      "NOERROR",
      "start. CNAME c0.example.org.",
      "c0.example.org. CNAME c1.example.org.",
      "c1.example.org. CNAME c2.example.org.",
      "c2.example.org. A 1.2.3.4",
    ]);
  });

  it("gives up after ten names, and answers what it has", async () => {
    const told = await chain(12, address);
    expect(told?.filter((line) => line.includes(" CNAME "))).toHaveLength(10);
    expect(told?.some((line) => line.includes(" A "))).toBe(false);
  });

  it("gives the alias alone when that is asked for, without looking further", async () => {
    const resolve = () => {
      throw new Error("asked");
    };
    const zone = { domain: dnsName("cluster.local"), ttl: 5, resolve };
    const reply = await followAlias(request(recordTypes.CNAME), dnsName("a.example.org"), zone);
    expect(told(reply, "start.")).toEqual(["NOERROR", "start. CNAME a.example.org."]);
    for (const type of [recordTypes.SRV, recordTypes.TXT, recordTypes.MX, recordTypes.HTTPS, recordTypes.ANY]) {
      expect(followAlias(request(type), dnsName("a.example.org"), zone)).toBeUndefined();
    }
  });

  it("passes on that another server had more to say", async () => {
    expect(await chain(1, { ...address, truncated: true })).toEqual([
      "NOERROR",
      "TC",
      "start. CNAME c0.example.org.",
      "c0.example.org. A 1.2.3.4",
    ]);
  });

  it.each([
    [
      "NXDOMAIN outside",
      "example.org",
      { ...failure(3), authority: [soa] },
      ["NOERROR", "start. CNAME c0.example.org."],
    ],
    ["NODATA outside", "example.org", { ...failure(0), authority: [soa] }, ["NOERROR", "start. CNAME c0.example.org."]],
    ["REFUSED outside", "example.org", failure(5), ["NOERROR", "start. CNAME c0.example.org."]],
    ["SERVFAIL outside", "example.org", failure(2), ["SERVFAIL", "start. CNAME c0.example.org."]],
    ["NXDOMAIN in the zone", "tour.svc.cluster.local", failure(3), undefined],
    ["NODATA in the zone", "tour.svc.cluster.local", failure(0), undefined],
    [
      "SERVFAIL in the zone",
      "tour.svc.cluster.local",
      failure(2),
      ["SERVFAIL", "start. CNAME c0.tour.svc.cluster.local."],
    ],
  ] as const)("of a target with %s", async (_, domain, end, expected) => {
    expect(await chain(1, end, domain)).toEqual(expected);
  });

  it("stops at a name that it came from, and has no addresses for an alias of itself", async () => {
    const [self, first] = [dnsName("start.tour.svc.cluster.local"), dnsName("first.tour.svc.cluster.local")];
    const zone = { domain: dnsName("cluster.local"), ttl: 5, resolve: () => address };
    const reply = await followAlias({ ...request(recordTypes.A), aliases: [first] }, first, zone);
    expect(told(reply, "start.")).toEqual(["NOERROR", "start. CNAME first.tour.svc.cluster.local."]);
    expect(followAlias(request(recordTypes.A), self, zone)).toBeUndefined();
    expect(told(await followAlias(request(recordTypes.CNAME), self, zone), "start.")?.length).toBe(2);
  });
});
