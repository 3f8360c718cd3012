import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { dashedAddress, splitFamilies } from "./address-bytes.ts";
import { slice } from "../../test/dns/cluster.ts";
import { ServiceEntry } from "./service-entry.ts";
import { portSharing, sliceFacts } from "./service-facts.ts";

const addresses = ["10.244.1.1", "10.244.1.2", "10.244.11.1", "fd00:10::1", "2001:db8::", "::1"].map(ip);
const labels = ["web-0", "10-244-1-1", "2001-db8--0", "fd00-10--1", undefined] as const;

describe("ServiceEntry", () => {
  it("finds the endpoints of a label as if all labels had been made", () => {
    const ends = fc.array(fc.tuple(fc.constantFrom(...addresses), fc.constantFrom(...labels)), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(ends, { maxLength: 3 }), (slices) => {
        const entry = new ServiceEntry("tour", "db");
        const lists = new Map<string, Ip[]>();
        for (const [i, of] of slices.entries()) {
          for (const family of ["IPv4", "IPv6"]) {
            const own = of.filter(([address]) => address.includes(":") === (family === "IPv6"));
            const name = `db-${i}-${family}`;
            const facts = sliceFacts(slice("tour", "db", name, own), "address", portSharing());
            entry.setSlice(name, facts);
            for (const [address, hostname] of own) {
              const label = hostname ?? dashedAddress(address);
              lists.set(label, [...(lists.get(label) ?? []), address]);
            }
          }
        }
        expect([...entry.hostLabels()].toSorted()).toEqual([...lists.keys()].toSorted());
        for (const label of [...labels, ...addresses.map(dashedAddress), "10-244-1", "--1", ""]) {
          const list = lists.get(label ?? "nobody");
          expect([label, entry.host(label ?? "nobody")]).toEqual([
            label,
            list === undefined ? undefined : splitFamilies(list),
          ]);
        }
      }),
    );
  });
});
