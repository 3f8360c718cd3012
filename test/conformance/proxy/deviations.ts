import type { ProxyMode } from "../../../src/proxy/index.ts";
import type { Fate, Packet } from "./packet-case.ts";

/** Something that an engine does otherwise than the tables of the suite say, and means to. */
export interface Deviation {
  /** What it is about, as a row of the table in docs/proxy-modes.md. */
  readonly what: string;
  /** What the other engines do. */
  readonly usually: string;
  /** What these engines do instead. */
  readonly here: Readonly<Partial<Record<ProxyMode, string>>>;
  readonly reason: string;
  /** What becomes of a packet instead; `undefined` for packets that it is not about. */
  fate(packet: Packet): Fate | undefined;
}

export const deviations: readonly Deviation[] = [];

/** What an engine does with a packet, when that is not what the suite expects of all. */
export function deviatingFate(mode: ProxyMode, packet: Packet): Fate | undefined {
  for (const deviation of deviations) {
    const fate = deviation.here[mode] === undefined ? undefined : deviation.fate(packet);
    if (fate !== undefined) return fate;
  }
  return undefined;
}
