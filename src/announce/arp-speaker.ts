import { ipFamily, messageOf } from "../core/index.ts";
import type { Cancel, Clock, Ip, Logger } from "../core/index.ts";
import { broadcastMac, decodeArp, encodeArp, parseMac } from "../codec/index.ts";
import type { ArpFrame, MacAddress } from "../codec/index.ts";
import type { AddressPort } from "./announcer.ts";

/** An open raw socket on the LAN's interface that carries ARP frames. */
export interface ArpLink {
  /** The interface's own Ethernet address, `aa:bb:cc:dd:ee:ff`. */
  mac(): string;
  /** Sends one frame. Throws when the interface is down or gone. */
  send(frame: Uint8Array): void;
  close(): void;
}

/** Who receives from an `ArpLink`. `failed` is called at most once; the link is closed then. */
export interface ArpLinkHandlers {
  received(frame: Uint8Array): void;
  failed(error: Error): void;
}

export interface ArpSpeakerOptions {
  /** Opens the link; throws when it cannot. */
  readonly open: (handlers: ArpLinkHandlers) => ArpLink;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An `AddressPort` that can be ended and counts what it did. */
export interface ArpSpeaker extends AddressPort {
  /** Requests answered and gratuitous frames sent since the start. */
  stats(): { readonly replies: number; readonly gratuitous: number };
  /** Releases everything. */
  close(): void;
}

/** Gratuitous frames go out at once and then, like MetalLB's, for 5 s: a switch or a client may miss the first. */
const burstIntervalMs = 1_100;
const burstDurationMs = 5_000;
const reopenMs = 1_000;

/**
 * Answers ARP requests for claimed addresses with the interface's own Ethernet address, and tells the LAN of each
 * takeover. The addresses are on no interface: delivery is the proxy's work, and no other socket of the node becomes
 * reachable on them. The link is open only while something is claimed, is opened again when it fails (an interface that
 * was down), and the answers end with the process, so that a dead agent does not go on claiming.
 */
export function createArpSpeaker(options: ArpSpeakerOptions): ArpSpeaker {
  const { clock, log } = options;
  /** Claimed addresses, each with the pending burst. */
  const claimed = new Map<Ip, Cancel>();
  let link: ArpLink | undefined;
  let cancelReopen: Cancel | undefined;
  let complained = false;
  let replies = 0;
  let gratuitous = 0;

  const open = (): void => {
    cancelReopen = undefined;
    try {
      link = options.open({ received: answer, failed });
      if (complained) log.info("announcing by ARP again");
      complained = false;
    } catch (error) {
      failed(error);
    }
  };
  const failed = (error: unknown): void => {
    link = undefined;
    if (!complained) log.warn("cannot announce by ARP, trying again", { error: messageOf(error), everyMs: reopenMs });
    complained = true;
    if (claimed.size === 0) return;
    cancelReopen ??= clock.schedule(reopenMs, () => {
      open();
      // Whoever looked meanwhile has no entry or another node's: tell everybody anew.
      if (link !== undefined) for (const address of claimed.keys()) startBursts(address);
    });
  };
  const close = (): void => {
    cancelReopen?.();
    cancelReopen = undefined;
    link?.close();
    link = undefined;
  };
  /** Sends what `make` builds for the interface's present address; whether it went out. */
  const send = (make: (mac: MacAddress) => ArpFrame | undefined): boolean => {
    if (link === undefined) return false;
    try {
      const frame = make(macOf(link));
      if (frame !== undefined) link.send(encodeArp(frame));
      return frame !== undefined;
    } catch (error) {
      link.close();
      failed(error);
      return false;
    }
  };

  const answer = (bytes: Uint8Array): void => {
    const request = decodeArp(bytes);
    if (request?.operation !== "request" || !claimed.has(request.targetIp)) return;
    const sent = send((mac) => {
      // Our own gratuitous requests come back on some links; and a request to another station is not ours to answer.
      if (request.senderMac === mac) return undefined;
      if (request.destination !== broadcastMac && request.destination !== mac) return undefined;
      return {
        operation: "reply",
        source: mac,
        destination: request.senderMac,
        senderMac: mac,
        senderIp: request.targetIp,
        targetMac: request.senderMac,
        targetIp: request.senderIp,
      };
    });
    if (sent) replies++;
  };
  /** Both forms, because some stations learn from requests only and some from replies only (RFC 5227, section 3). */
  const sendGratuitous = (address: Ip): void => {
    for (const operation of ["request", "reply"] as const) {
      const sent = send((mac) => ({
        operation,
        source: mac,
        destination: broadcastMac,
        senderMac: mac,
        senderIp: address,
        targetMac: broadcastMac,
        targetIp: address,
      }));
      if (sent) gratuitous++;
    }
  };
  const startBursts = (address: Ip): void => {
    claimed.get(address)?.();
    const until = clock.monotonic() + burstDurationMs;
    const burst = (): void => {
      sendGratuitous(address);
      // The claim may be gone: a failing send may have been told to the owner of this port.
      if (!claimed.has(address)) return;
      const again = clock.monotonic() + burstIntervalMs <= until;
      claimed.set(address, again ? clock.schedule(burstIntervalMs, burst) : () => undefined);
    };
    burst();
  };

  return {
    claim(address) {
      if (claimed.has(address)) return;
      if (ipFamily(address) !== "IPv4") {
        return log.warn("not announced: ARP is for IPv4 only", { address });
      }
      claimed.set(address, () => undefined);
      if (link === undefined && cancelReopen === undefined) open();
      startBursts(address);
    },
    release(address) {
      claimed.get(address)?.();
      if (claimed.delete(address) && claimed.size === 0) close();
    },
    stats: () => ({ replies, gratuitous }),
    close() {
      for (const cancel of claimed.values()) cancel();
      claimed.clear();
      close();
    },
  };
}

function macOf(link: ArpLink): MacAddress {
  const mac = parseMac(link.mac());
  if (mac === undefined) throw new TypeError(`Not an Ethernet address: ${link.mac()}`);
  return mac;
}
