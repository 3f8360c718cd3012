import { describe, it } from "vitest";
import {
  expectMemory,
  expectNames,
  expectSharesToCount,
  expectWalk,
} from "../../test/conformance/proxy/expect-walk.ts";
import { nftablesRulesOf } from "../../test/conformance/proxy/nftables-walk.ts";
import { settings } from "../../test/conformance/proxy/settings.ts";

describe("nftablesRules()", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "does with every packet of the suite what the suite expects, with %s",
    (_, setting) => expectWalk("nftables", setting, nftablesRulesOf),
  );

  it("names the Service of a packet", () => expectNames(nftablesRulesOf));

  it("knows how likely each endpoint is", () => expectSharesToCount(nftablesRulesOf));

  it("remembers clients with session affinity", () => expectMemory(nftablesRulesOf));
});
