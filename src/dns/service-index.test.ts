import { describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import { service, slice } from "../../test/dns/cluster.ts";
import { ServiceIndex } from "./service-index.ts";

describe("ServiceIndex.withEndpoint()", () => {
  it.each(["first", "last", "never"])("knows whose an address is, whenever it was prepared: %s", (when) => {
    const index = new ServiceIndex(() => undefined);
    if (when === "first") index.prepare();
    const web = slice("tour", "web", "web-1", [["10.244.1.1"], ["10.244.1.2"]]);
    const gone = slice("tour", "web", "web-2", [["10.244.1.3"]]);
    index.applyService(service("tour", "web", { clusterIP: "10.96.0.7" }), undefined);
    index.applyService(service("tour", "api", { clusterIP: "10.96.0.8" }), undefined);
    index.applySlice(web, undefined);
    index.applySlice(gone, undefined);
    index.applySlice(slice("tour", "api", "api-1", [["10.244.1.2"]]), undefined);
    const changed = slice("tour", "web", "web-1", [["10.244.1.2"], ["10.244.1.9"]]);
    index.applySlice(changed, web);
    index.applySlice(undefined, gone);
    if (when === "last") index.prepare();
    const names = (address: string) => index.withEndpoint(ip(address)).map(({ name }) => name);
    expect(["10.244.1.1", "10.244.1.2", "10.244.1.3", "10.244.1.9"].map(names)).toEqual([
      [],
      expect.arrayContaining(["web", "api"]),
      [],
      ["web"],
    ]);
    index.applySlice(undefined, changed);
    expect([names("10.244.1.2"), names("10.244.1.9"), index.endpointAddresses]).toEqual([["api"], [], 1]);
  });
});
