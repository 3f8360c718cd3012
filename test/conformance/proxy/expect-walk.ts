import { expect } from "vitest";
import type { ProxyMode } from "../../../src/proxy/index.ts";
import { deviatingFate } from "./deviations.ts";
import { describeFate, describePacket } from "./packet-case.ts";
import type { Setting } from "./packet-case.ts";
import { SimJudge } from "./sim-judge.ts";
import type { RulesOf } from "./sim-judge.ts";
import { caseOf, served, weights } from "./single-cases.ts";

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

/** The rules that a packet comes by must name its Service. */
export function expectNames(rulesOf: RulesOf): void {
  const judge = new SimJudge({ name: "names", network: {}, cases: [weights] }, rulesOf);
  for (const packet of weights.packets) {
    for (const { trace } of judge.outcomes(packet)) {
      const comments = trace.map(({ comment = "" }) => comment).join(" ");
      expect(comments).toContain(`weights:${packet.protocol.toLowerCase()}`);
    }
  }
}

/** The judge must tell endpoints that are not as likely as they should be. */
export function expectSharesToCount(rulesOf: RulesOf): void {
  const judge = new SimJudge({ name: "shares", network: {}, cases: [weights] }, rulesOf);
  for (const packet of weights.packets) {
    if (packet.fate.kind !== "served") throw new Error("endpoints serve all of these");
    const { by, source } = packet.fate;
    expect(judge.observe(packet, served(by, source))).toMatch(/ with probability 0\.\d+ instead of 0\./);
  }
}

const sticky = caseOf({
  name: "sticky",
  number: 301,
  service: { spec: { sessionAffinity: "ClientIP" } },
  endpoints: ["a1", "a2", "b1"],
  rows: [{ path: "node to cluster IP", from: "node-1", to: "cluster", fate: served(["a1", "a2", "b1"], "node") }],
});

/** A client's second connection must go where its first one went, as the rules remember it. */
export function expectMemory(rulesOf: RulesOf): void {
  const judge = new SimJudge({ name: "affinity", network: {}, cases: [sticky] }, rulesOf);
  for (const packet of sticky.packets) {
    const first = judge.outcomes(packet);
    expect(first.length).toBe(3);
    for (const { verdict, memory } of first) {
      const second = judge.outcomes(packet, memory);
      expect(second.map((outcome) => outcome.verdict)).toEqual([verdict]);
    }
  }
}
