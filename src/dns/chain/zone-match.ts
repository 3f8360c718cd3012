import { dnsName, zoneOffset } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";

/** Whether a name is in one of `zones`, given as text; no zones are all zones. */
export function inZones(zones: readonly string[]): (name: DnsName) => boolean {
  const names = zones.map(dnsName);
  if (names.length === 0 || names.some((zone) => zone.length === 1)) return () => true;
  return (name) => names.some((zone) => zoneOffset(name, zone) >= 0);
}

/** Finds what belongs to the longest zone that a name is in. */
export function longestZone<T>(
  entries: readonly { readonly zone: string; readonly value: T }[],
): (name: DnsName) => T | undefined {
  const sorted = entries
    .map(({ zone, value }) => ({ zone: dnsName(zone), value }))
    .sort((a, b) => b.zone.length - a.zone.length);
  const [only, ...more] = sorted;
  // One block for all names is by far the most usual, and this is asked for every query.
  if (only !== undefined && more.length === 0 && only.zone.length === 1) return () => only.value;
  return (name) => {
    for (const { zone, value } of sorted) if (zoneOffset(name, zone) >= 0) return value;
    return undefined;
  };
}
