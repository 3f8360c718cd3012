import { describe, it } from "vitest";
import { expectMemory, expectNames, expectWalk } from "../../test/conformance/proxy/expect-walk.ts";
import { iptablesRulesOf } from "../../test/conformance/proxy/iptables-walk.ts";
import { settings } from "../../test/conformance/proxy/settings.ts";

describe("iptablesRules()", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "does with every packet of the suite what the suite expects, with %s",
    (_, setting) => expectWalk("iptables", setting, iptablesRulesOf),
  );

  it("names the Service of a packet", () => expectNames(iptablesRulesOf));

  it("remembers clients with session affinity", () => expectMemory(iptablesRulesOf));
});
