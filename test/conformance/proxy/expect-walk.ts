import { expect } from "vitest";
import type { ProxyMode } from "../../../src/proxy/index.ts";
import { deviatingFate } from "./deviations.ts";
import { describeFate, describePacket } from "./packet-case.ts";
import type { Setting } from "./packet-case.ts";
import { SimJudge } from "./sim-judge.ts";
import type { RulesOf } from "./sim-judge.ts";

/** Walks every packet of a setting through an engine's rules, and expects the fate that the suite says, or the engine's own. */
export function expectWalk(mode: ProxyMode, setting: Setting, rulesOf: RulesOf): void {
  const judge = new SimJudge(setting, rulesOf);
  const packets = setting.cases.flatMap((one) => one.packets);
  expect(packets.length).toBeGreaterThan(10);
  const wrong = packets.flatMap((packet) => {
    const fate = deviatingFate(mode, packet) ?? packet.fate;
    const observed = judge.observe(packet, fate);
    return observed === describeFate(fate)
      ? []
      : [`${packet.packetCase}, ${describePacket(packet)} is ${observed}, not ${describeFate(fate)}`];
  });
  expect(wrong).toEqual([]);
}
