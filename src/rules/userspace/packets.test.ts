import { describe, it } from "vitest";
import { expectWalk } from "../../../test/conformance/proxy/expect-walk.ts";
import { settings } from "../../../test/conformance/proxy/settings.ts";
import { userspaceRulesOf } from "../../../test/conformance/proxy/userspace-walk.ts";

describe("the rules of the userspace mode, with a relay behind them", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "do with every packet of the suite what the suite expects, with %s",
    (_, setting) => expectWalk("userspace", setting, userspaceRulesOf),
  );
});
