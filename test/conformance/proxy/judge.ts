import type { Protocol } from "../../../src/core/index.ts";
import { describeFate } from "./packet-case.ts";
import type { Fate, Packet } from "./packet-case.ts";
import type { IpPacket } from "./ip-packet.ts";
import type { TestNetwork } from "./network.ts";
import { addressOf, isPod, ownerOf } from "./places.ts";
import type { PodName } from "./places.ts";
import type { Answer, Senders } from "./senders.ts";

/** How long nothing must come back until a packet counts as dropped. */
const silenceMs = 400;
/** What must come comes at once; this long on a machine that is busy with other things. */
const patienceMs = 10_000;
/** Kernels limit how many ICMP errors they send a second, some of them for the whole machine: a refusal may need a second packet. */
const refusalMs = 500;
const refusalTries = 8;
/** The chance that one of three endpoints is missed so often is 3 * (2/3)^240, and for one in eight connections (7/8)^240: below 1e-13. */
const mostTries = 240;

const numbers: Readonly<Record<Protocol, number>> = { TCP: 6, UDP: 17, SCTP: 132 };

/**
 * Sends the packet, as often as it takes to see every endpoint that may serve it, and says what became of it: in the words of the
 * expected fate when it is that, in others when not.
 */
export async function observe(network: TestNetwork, senders: Senders, packet: Packet, fate: Fate): Promise<string> {
  if (fate.kind === "leaves") return observeAtRouter(network, senders, packet);
  if (fate.kind === "dropped") return observeSilence(network, senders, packet);
  if (fate.kind === "rejected") return observeRefusal(senders, packet);
  const expected = new Set<string>(fate.by);
  const seen = new Set<string>();
  const sources = new Set<string>();
  for (let tries = 0; tries < mostTries; tries++) {
    const answer = await senders.open(packet.from, packet, patienceMs);
    if (answer.kind !== "answer")
      return seen.size === 0 ? otherFate(answer) : `first served, then ${otherFate(answer)}`;
    seen.add(answer.pod);
    sources.add(sourceOf(packet, answer));
    if (![...seen].every((pod) => expected.has(pod)) || seen.size === expected.size) break;
    // Engines that pick in turn would give two callers who keep time one endpoint each.
    if (tries > 3) await new Promise((resolve) => void setTimeout(resolve, Math.random() * 4));
  }
  const by = [...seen].filter((pod): pod is PodName => isPod(pod));
  return `${describeFate({ kind: "served", by, source: "kept" }).replace(/, source kept$/, "")}, source ${[...sources].sort().join(" or ")}`;
}

async function observeRefusal(senders: Senders, packet: Packet): Promise<string> {
  for (let tries = 1; ; tries++) {
    const answer = await senders.open(packet.from, packet, refusalMs);
    if (answer.kind === "answer") return `served by ${answer.pod}`;
    if (answer.kind === "refused" || tries === refusalTries) return otherFate(answer);
  }
}

function otherFate(answer: Answer): string {
  if (answer.kind === "refused") return describeFate({ kind: "rejected" });
  return describeFate({ kind: "dropped" });
}

/** As whom the endpoint saw the sender. An endpoint that calls itself must see the node: that is checked here for all. */
function sourceOf({ from, family }: Packet, { pod, client }: Answer & { readonly kind: "answer" }): string {
  if (pod === from) return client === addressOf(from, family) ? "its own (no hairpin)" : fateOfSelf(client);
  if (ownerOf(client) === "node") return "node";
  return client === addressOf(from, family) ? "kept" : client;
}

/** A pod that reached itself says nothing about what others see: it counts as whatever is expected. */
function fateOfSelf(client: string): string {
  return ownerOf(client) === "node" ? "self" : client;
}

/** Silence alone may also mean that the packet went away: it must not be seen at the router. */
async function observeSilence(network: TestNetwork, senders: Senders, packet: Packet): Promise<string> {
  let left = false;
  const stop = network.atRouter((seen) => (left ||= isPacket(seen, packet)));
  try {
    const answer = await senders.open(packet.from, packet, silenceMs);
    if (answer.kind === "answer") return `served by ${answer.pod}`;
    return left ? describeFate({ kind: "leaves" }) : otherFate(answer);
  } finally {
    stop();
  }
}

function observeAtRouter(network: TestNetwork, senders: Senders, packet: Packet): Promise<string> {
  return new Promise((resolve) => {
    const end = (fate: string): void => {
      stop();
      resolve(fate);
    };
    const stop = network.atRouter((seen) => {
      if (isPacket(seen, packet)) end(describeFate({ kind: "leaves" }));
    });
    void senders.open(packet.from, packet, patienceMs).then((answer) => {
      end(answer.kind === "answer" ? `served by ${answer.pod}` : otherFate(answer));
    });
  });
}

function isPacket(seen: IpPacket, { from, family, protocol, destination, port }: Packet): boolean {
  return (
    seen.destination === destination &&
    seen.destinationPort === port &&
    seen.protocol === numbers[protocol] &&
    seen.source === addressOf(from, family)
  );
}

/** Whether an observation is the fate: who reached itself counts for any source. */
export function isFate(observed: string, fate: Fate): boolean {
  if (observed === describeFate(fate)) return true;
  if (fate.kind !== "served") return false;
  const start = `served by ${[...fate.by].sort().join(", ")}, source `;
  return [`${start}self`, `${start}${fate.source} or self`].includes(observed);
}
