import { commonDivisor } from "../../core/index.ts";
import type { Endpoint, Scheduler, ServicePlan } from "../../model/index.ts";
import { maglevSlots } from "./maglev.ts";

/** How a number is found among the slots of an entry: by chance, in turn, by the client's or the entry's address. */
export type Pick = "random" | "turn" | "source" | "destination";

/** Weights that add up to no more than this are slots as they are. */
const exactSlots = 1000;
/** Beyond that the lightest endpoint has so many slots, or its exact share: shares are off by a twentieth at most. */
const lightestSlots = 10;
/** The most slots that weights are spread over. */
export const mostWeightedSlots = 10_000;
/** From so much on a share that is off is told of: a part of itself. */
const tellingError = 0.1;

/** Where an endpoint is, as it stands in the maps: `10.244.1.2 . 8080`. */
export function addressOf({ ip, port }: Endpoint): string {
  return `${ip} . ${port}`;
}

const picks: ReadonlyMap<Scheduler, Pick> = new Map<Scheduler, Pick>([
  ["rr", "turn"],
  ["wrr", "turn"],
  ["sh", "source"],
  ["mh", "source"],
  ["dh", "destination"],
]);

/** How the scheduler of a plan picks a slot. Those that nftables does not have pick by chance. */
export function pickOf(scheduler: Scheduler | undefined): Pick {
  return (scheduler === undefined ? undefined : picks.get(scheduler)) ?? "random";
}

/**
 * The addresses of a list, one for each slot; a slot is as likely as any other. `before` are the slots that the kernel has:
 * without a scheduler of its own a list keeps them as far as it can, so that one endpoint that goes changes two slots. The
 * other lists depend on the endpoints alone, so that every node picks alike.
 */
export function slotsOf(
  endpoints: readonly Endpoint[],
  scheduler: Scheduler | undefined,
  before: readonly string[],
): readonly string[] {
  const addresses = endpoints.map(addressOf);
  if (scheduler === undefined && before.length === 0 && isEven(endpoints)) return addresses;
  if (scheduler === "rr") return addresses;
  if (scheduler === "fo") return heaviest(endpoints).map(addressOf);
  if (scheduler === "mh") return maglevSlots(addresses, endpoints.map(weightOf));
  const shares = sharesOf(endpoints);
  if (scheduler === "wrr") return inTurn(addresses, shares);
  if (scheduler === "sh" || scheduler === "dh") return repeated(addresses, shares);
  return kept(addresses, shares, before);
}

/** Whether all endpoints have the weight that they have without one. */
function isEven(endpoints: readonly Endpoint[]): boolean {
  return endpoints.every(({ weight }) => weight === undefined);
}

function weightOf({ weight = 1 }: Endpoint): number {
  return weight;
}

/** How many slots each endpoint gets: its weight without the common divisor, or as near to that as there is room, and at least one. */
function sharesOf(endpoints: readonly Endpoint[]): readonly number[] {
  if (isEven(endpoints)) return endpoints.map(() => 1);
  const weights = endpoints.map(weightOf);
  const divisor = commonDivisor(weights);
  const shares = weights.map((weight) => weight / divisor);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const lightest = shares.reduce((least, share) => Math.min(least, share), Infinity);
  const wanted = Math.min(mostWeightedSlots, Math.max(exactSlots, Math.ceil((total / lightest) * lightestSlots)));
  const slots = Math.max(wanted, endpoints.length);
  return total <= slots ? shares : shares.map((share) => Math.max(1, Math.round((share * slots) / total)));
}

/** How far the share of slots of an endpoint is from its weight at most, as a part of what it should be. */
function worstError(endpoints: readonly Endpoint[], slots: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const slot of slots) counts.set(slot, (counts.get(slot) ?? 0) + 1);
  const total = endpoints.reduce((sum, endpoint) => sum + weightOf(endpoint), 0);
  return endpoints.reduce((worst, endpoint) => {
    const wanted = (weightOf(endpoint) / total) * slots.length;
    return Math.max(worst, Math.abs((counts.get(addressOf(endpoint)) ?? 0) - wanted) / wanted);
  }, 0);
}

/** Says so when weights are too uneven for the slots that there may be. */
function weightShortcomings(endpoints: readonly Endpoint[], scheduler: Scheduler | undefined): readonly string[] {
  if (scheduler === "rr" || scheduler === "fo" || isEven(endpoints)) return [];
  const slots = slotsOf(endpoints, scheduler, []);
  const error = worstError(endpoints, slots);
  if (error <= tellingError) return [];
  const percent = Math.round(error * 100);
  return [
    `weights so uneven need more slots than the ${slots.length} that they are given: the share of an endpoint is off by up to ${percent} % of itself`,
  ];
}

function repeated(addresses: readonly string[], shares: readonly number[]): readonly string[] {
  return addresses.flatMap((address, i) => Array.from({ length: shares[i] ?? 1 }, () => address));
}

/** Those slots of before that still have work stay; the last ones move into the gaps. */
function kept(addresses: readonly string[], shares: readonly number[], before: readonly string[]): readonly string[] {
  if (before.length === 0) return repeated(addresses, shares);
  const open = new Map(addresses.map((address, i) => [address, shares[i] ?? 1]));
  const total = shares.reduce((sum, share) => sum + share, 0);
  const slots: (string | undefined)[] = before.slice(0, total).map((address) => {
    const left = open.get(address) ?? 0;
    if (left === 0) return undefined;
    open.set(address, left - 1);
    return address;
  });
  const rest = [...open].flatMap(([address, left]) => Array.from({ length: left }, () => address));
  let next = 0;
  for (let i = 0; i < total; i++) slots[i] ??= rest[next++];
  return slots.filter((slot) => slot !== undefined);
}

/** The order of smooth weighted round robin: an endpoint of weight 3 does not get three connections in a row. */
function inTurn(addresses: readonly string[], shares: readonly number[]): readonly string[] {
  if (shares.every((share) => share === 1)) return addresses;
  const total = shares.reduce((sum, share) => sum + share, 0);
  const credit = shares.map(() => 0);
  return Array.from({ length: total }, () => {
    let best = 0;
    for (const [i, share] of shares.entries()) {
      credit[i] = (credit[i] ?? 0) + share;
      if ((credit[i] ?? 0) > (credit[best] ?? 0)) best = i;
    }
    credit[best] = (credit[best] ?? 0) - total;
    return addresses[best] ?? "";
  });
}

/** The first endpoint of the highest weight (IPVS: fo). */
function heaviest(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const [first, ...rest] = endpoints;
  if (first === undefined) return [];
  return [rest.reduce((best, endpoint) => ((endpoint.weight ?? 1) > (best.weight ?? 1) ? endpoint : best), first)];
}

const needsCounts: ReadonlySet<Scheduler> = new Set(["lc", "wlc", "sed", "nq", "lblc", "lblcr", "ovf"]);

/** What of a plan nftables cannot do, and what it does instead. */
export function shortcomings({ scheduler, affinitySeconds, cluster, local }: ServicePlan): readonly string[] {
  const sentences: string[] = [];
  if (scheduler !== undefined && needsCounts.has(scheduler)) {
    sentences.push(
      `scheduler ${scheduler} needs counts of connections, which nftables does not have: endpoints are picked at random by weight`,
    );
  }
  if (affinitySeconds !== undefined && Math.max(cluster.length, local.length) > mostStickyEndpoints) {
    sentences.push(
      `session affinity has room for ${mostStickyEndpoints} endpoints: the first ${mostStickyEndpoints} of them are used`,
    );
  }
  const uneven = weightShortcomings(cluster, scheduler);
  sentences.push(...(uneven.length > 0 ? uneven : weightShortcomings(local, scheduler)));
  return sentences;
}

/** An endpoint of a Service with session affinity has a number of 14 bits, and zero is none. */
export const mostStickyEndpoints = 16_383;
