import type { DnsName } from "../../codec/index.ts";
import type { Fallthrough } from "../corefile/configuration.ts";
import { inZones } from "./zone-match.ts";

/** Whether a name that does not exist is left to the next resolver. */
export function fallsThrough(setting: Fallthrough): (name: DnsName) => boolean {
  if (setting === "none" || setting.length === 0) return () => false;
  return setting === "all" ? () => true : inZones(setting);
}
