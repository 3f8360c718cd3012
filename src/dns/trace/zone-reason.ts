import type { Service } from "../../objects/index.ts";
import type { NameReason } from "./name-reason.ts";
import { nearNames } from "./near-names.ts";
import type { ServiceEndpoint } from "./service-endpoints.ts";
import { whyZonesLeftOut } from "./shown-names.ts";
import type { ShownNames } from "./shown-names.ts";

/** Whether the labels in front of a Service's name, from the right, are those of a zone. */
export function isZonal(more: readonly string[]): boolean {
  return more[0] === "_zone";
}

/** The addresses that a zone's name stands for, or why it stands for none. */
export function zoneReason(
  { spec }: Service,
  what: string,
  [, directive, ...labels]: readonly string[],
  endpoints: readonly ServiceEndpoint[],
  shown: ShownNames | undefined,
): NameReason | { readonly what: string; readonly addresses: readonly string[] } {
  const off = whyZonesLeftOut(shown);
  if (off !== undefined) return { kind: "left out", text: off, near: [] };
  if (spec.clusterIP !== "None") {
    return {
      kind: "no such endpoint",
      text: `${what} is not headless: only headless Services have names of zones`,
      near: [],
    };
  }
  if (directive === undefined) return { kind: "known", text: `the zones of ${what} are below this name`, near: [] };
  if (directive !== "pin" && directive !== "prefer") {
    const text = `in front of _zone stands pin or prefer, not ${directive}`;
    return { kind: "no such endpoint", text, near: nearNames(directive, ["pin", "prefer"]) };
  }
  if (labels.length === 0) return { kind: "known", text: `the zones of ${what} are below this name`, near: [] };
  const zone = labels.toReversed().join(".");
  const ready = endpoints.filter(({ isReady }) => isReady);
  const here = ready.filter((endpoint) => endpoint.zone === zone);
  if (here.length > 0)
    return { what: `headless ${what} (${counted(here)} in zone ${zone})`, addresses: addressesOf(here) };
  const zones = [...new Set(ready.flatMap((endpoint) => endpoint.zone ?? []))].sort();
  const none = `headless ${what} has no ready endpoint in zone ${zone}`;
  if (directive === "prefer" && ready.length > 0) {
    return { what: `${none}, so that prefer gives all (${counted(ready)})`, addresses: addressesOf(ready) };
  }
  const elsewhere =
    ready.length === 0
      ? "it has none at all"
      : zones.length === 0
        ? "none says its zone"
        : `they are in ${zones.join(", ")}`;
  return { kind: "no ready endpoints", text: `${none}: ${elsewhere}`, near: nearNames(zone, zones) };
}

function addressesOf(endpoints: readonly ServiceEndpoint[]): readonly string[] {
  return endpoints.map(({ address }) => address);
}

function counted({ length }: readonly ServiceEndpoint[]): string {
  return `${length} ready endpoint${length === 1 ? "" : "s"}`;
}
