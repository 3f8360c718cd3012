import { describe, expect, it } from "vitest";
import { nftablesRulesOf } from "../../test/conformance/proxy/nftables-walk.ts";
import { deviatingFate } from "../../test/conformance/proxy/deviations.ts";
import { describeFate, describePacket } from "../../test/conformance/proxy/packet-case.ts";
import { settings } from "../../test/conformance/proxy/settings.ts";
import { SimJudge } from "../../test/conformance/proxy/sim-judge.ts";

describe("nftablesRules()", () => {
  it.each(settings.map((setting) => [setting.name, setting] as const))(
    "does with every packet of the suite what the suite expects, with %s",
    (_, setting) => {
      const judge = new SimJudge(setting, nftablesRulesOf);
      const packets = setting.cases.flatMap((one) => one.packets);
      expect(packets.length).toBeGreaterThan(10);
      const wrong = packets.flatMap((packet) => {
        const fate = deviatingFate("nftables", packet) ?? packet.fate;
        const observed = judge.observe(packet, fate);
        return observed === describeFate(fate)
          ? []
          : [`${packet.packetCase}, ${describePacket(packet)} is ${observed}, not ${describeFate(fate)}`];
      });
      expect(wrong).toEqual([]);
    },
  );
});
