import type { EngineUnderTest } from "./engines.ts";
import type { Fate, Packet } from "./packet-case.ts";

export function deviatingFate(_engine: EngineUnderTest, _packet: Packet): Fate | undefined {
  return undefined;
}
