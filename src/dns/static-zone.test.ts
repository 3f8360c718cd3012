import { describe, expect, it } from "vitest";
import { query, words } from "../../test/dns/cluster.ts";
import type { recordTypes } from "../codec/index.ts";
import { ManualClock, seededRandom } from "../core/index.ts";
import { createStaticZone } from "./static-zone.ts";
import type { StaticZoneOptions } from "./static-zone.ts";

function zone(options: Partial<StaticZoneOptions> = {}) {
  const hosts = { "db.example.com": ["192.168.100.50", "fd00::50"], "www.example.com.": ["192.168.100.51"] };
  return createStaticZone(hosts, { clock: new ManualClock(1_000_000), random: seededRandom(1), ...options });
}

const soa = "ns: . 5 IN SOA ns.dns. hostmaster. 1000 7200 1800 86400 5";

describe("createStaticZone()", () => {
  const table: readonly (readonly [string, keyof typeof recordTypes, readonly string[]])[] = [
    ["db.example.com", "A", ["NOERROR", "db.example.com. 5 IN A 192.168.100.50"]],
    ["DB.example.COM", "A", ["NOERROR", "DB.example.COM. 5 IN A 192.168.100.50"]],
    ["db.example.com", "AAAA", ["NOERROR", "db.example.com. 5 IN AAAA fd00::50"]],
    ["www.example.com", "A", ["NOERROR", "www.example.com. 5 IN A 192.168.100.51"]],
    ["www.example.com", "AAAA", ["NOERROR", soa]],
    ["db.example.com", "MX", ["NOERROR", soa]],
    ["db.example.com", "ANY", ["NOERROR", soa]],
    ["example.com", "A", ["NOERROR", soa]],
    ["com", "A", ["NOERROR", soa]],
    [".", "NS", ["NOERROR", soa]],
    ["nothing.example.com", "A", ["NXDOMAIN", soa]],
    ["x.db.example.com", "A", ["NXDOMAIN", soa]],
    ["web.tour.svc.cluster.local", "A", ["NXDOMAIN", soa]],
    ["50.100.168.192.in-addr.arpa", "PTR", ["NOERROR", "50.100.168.192.in-addr.arpa. 5 IN PTR db.example.com."]],
    ["52.100.168.192.in-addr.arpa", "PTR", ["NXDOMAIN", soa]],
  ];
  it.each(table)("answers %s %s", async (name, type, expected) => {
    const message = await query(zone(), name, type);
    expect(words(message)).toEqual(expected);
    expect(message).toMatchObject({ authoritative: true, recursionAvailable: true });
  });

  it("refuses other names when told to", async () => {
    expect(words(await query(zone({ others: "refused" }), "nothing.example.com", "A"))).toEqual(["REFUSED"]);
    expect(words(await query(zone({ others: "refused" }), "example.com", "A"))).toEqual(["NOERROR", soa]);
  });

  it("takes new addresses and names while it serves", async () => {
    const dns = zone();
    dns.set("db.example.com", ["192.168.100.60"]);
    expect(words(await query(dns, "db.example.com", "A"))).toEqual([
      "NOERROR",
      "db.example.com. 5 IN A 192.168.100.60",
    ]);
    dns.set("shop.example.org", ["192.168.100.200"]);
    expect(words(await query(dns, "shop.example.org", "A"))).toEqual([
      "NOERROR",
      "shop.example.org. 5 IN A 192.168.100.200",
    ]);
    dns.set("shop.example.org", []);
    expect(words(await query(dns, "shop.example.org", "A"))).toEqual(["NXDOMAIN", soa]);
    expect(words(await query(dns, "org", "A"))).toEqual(["NXDOMAIN", soa]);
  });

  it("refuses what is no name or no address, and changes nothing", async () => {
    const dns = zone();
    expect(() => dns.set("a..b", ["192.168.100.1"])).toThrow(TypeError);
    expect(() => dns.set("db.example.com", ["192.168.100.300"])).toThrow(TypeError);
    expect(words(await query(dns, "db.example.com", "A"))[1]).toBe("db.example.com. 5 IN A 192.168.100.50");
  });
});
