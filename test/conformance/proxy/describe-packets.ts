import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ClusterUnderTest } from "./cluster.ts";
import { deviatingFate } from "./deviations.ts";
import type { EngineUnderTest } from "./engines.ts";
import { isFate, observe } from "./judge.ts";
import { describeFate, describePacket } from "./packet-case.ts";
import type { Packet, Setting } from "./packet-case.ts";
import { settings } from "./settings.ts";

/** At so many flows at once two processors are busy and nothing waits long. */
const atOnce = 64;

/** Sends every packet of the suite through the engine's real rules. */
export function describePackets(engine: EngineUnderTest, chosen: readonly Setting[] = settings): void {
  const cluster = new ClusterUnderTest(engine);
  afterAll(() => cluster.stop());

  describe.each(chosen.map((setting) => [setting.name, setting] as const))("%s", (_, { network, cases }) => {
    beforeAll(async () => {
      await cluster.stopProxies({ cleanup: true });
      cluster.clear();
      for (const one of cases) cluster.add(one);
      await cluster.start(network);
      await cluster.settled();
    });

    it.each(cases.map((one) => [one.name, one] as const))("%s", async (_, { packets }) => {
      const wrong: string[] = [];
      const queue = [...packets];
      const worker = async (): Promise<void> => {
        for (let packet = queue.shift(); packet !== undefined; packet = queue.shift()) {
          const problem = await judge(packet);
          if (problem !== undefined) wrong.push(problem);
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, worker));
      // In the message, because of a test in a user-mode kernel nothing else is reported.
      if (wrong.length > 0) expect.fail(wrong.join("\n"));
    });
  });

  async function judge(packet: Packet): Promise<string | undefined> {
    const fate = deviatingFate(engine.mode, packet) ?? packet.fate;
    const observed = await observe(cluster.network, cluster.senders, packet, fate);
    return isFate(observed, fate) ? undefined : `${describePacket(packet)} is ${observed}, not ${describeFate(fate)}`;
  }
}
