import { describe, it } from "vitest";
import { expectNames, expectWalk } from "../../test/conformance/proxy/expect-walk.ts";
import { ipvsRulesOf } from "../../test/conformance/proxy/ipvs-walk.ts";
import { settings } from "../../test/conformance/proxy/settings.ts";

describe("ipvsRules()", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "does with every packet of the suite what the suite expects, with %s",
    (_, setting) => expectWalk("ipvs", setting, ipvsRulesOf),
  );

  it("names the Service of a packet", () => expectNames(ipvsRulesOf));
});
