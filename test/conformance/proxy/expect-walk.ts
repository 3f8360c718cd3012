import { expect } from "vitest";
import type { ProxyMode } from "../../../src/proxy/index.ts";
import { deviatingFate } from "./deviations.ts";
import { describeFate, describePacket } from "./packet-case.ts";
import type { Setting } from "./packet-case.ts";
import { addressOf } from "./places.ts";
import { SimJudge } from "./sim-judge.ts";
import type { RulesOf } from "./sim-judge.ts";
import { caseOf, served } from "./single-cases.ts";

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

const weighted = caseOf({
  name: "weighted",
  number: 300,
  endpoints: [
    { pod: "a1", weight: 1 },
    { pod: "a2", weight: 2 },
    { pod: "b1", weight: 5 },
  ],
  rows: [{ path: "pod to cluster IP", from: "b1", to: "cluster", fate: served(["a1", "a2", "b1"], "kept") }],
});

/** Weights 1:2:5 must be the shares of the endpoints, exactly, and the trace must name the Service. */
export function expectShares(rulesOf: RulesOf): void {
  const judge = new SimJudge({ name: "weights", network: {}, cases: [weighted] }, rulesOf);
  for (const packet of weighted.packets) {
    const shares = new Map<string, number>();
    for (const { probability, verdict, trace } of judge.outcomes(packet)) {
      const to = verdict.kind === "redirected" ? verdict.to : verdict.kind;
      shares.set(to, (shares.get(to) ?? 0) + probability);
      const comments = trace.map(({ comment = "" }) => comment).join(" ");
      expect(comments).toContain(`weighted:${packet.protocol.toLowerCase()}`);
    }
    const expected = (["a1", "a2", "b1"] as const).map((pod, i) => [addressOf(pod, packet.family), [1, 2, 5][i]]);
    expect([...shares].map(([to, share]) => [to, Math.round(share * 8e6) / 1e6]).sort()).toEqual(expected.sort());
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
