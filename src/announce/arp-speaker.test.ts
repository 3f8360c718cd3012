import { beforeEach, describe, expect, test } from "vitest";
import { decodeArp, encodeArp } from "../codec/index.ts";
import type { ArpFrame, MacAddress } from "../codec/index.ts";
import { ip, ManualClock, silentLogger } from "../core/index.ts";
import { createArpSpeaker } from "./arp-speaker.ts";
import type { ArpLinkHandlers } from "./arp-speaker.ts";

const own = "02:00:00:00:00:01" as MacAddress;
const client = "02:00:00:00:00:99" as MacAddress;
const everybody = "ff:ff:ff:ff:ff:ff" as MacAddress;
const nobody = "00:00:00:00:00:00" as MacAddress;
const address = ip("192.168.100.200");

let clock: ManualClock;
let sent: ArpFrame[];
let links: { readonly handlers: ArpLinkHandlers; open: boolean }[];
let broken: string | undefined;

function start() {
  return createArpSpeaker({
    clock,
    log: silentLogger,
    open(handlers) {
      if (broken !== undefined) throw new Error(broken);
      const link = { handlers, open: true };
      links.push(link);
      return {
        mac: () => own,
        send(bytes) {
          if (broken !== undefined) throw new Error(broken);
          const frame = decodeArp(bytes);
          if (frame !== undefined) sent.push(frame);
        },
        close: () => void (link.open = false),
      };
    },
  });
}
const taken = () => sent.splice(0);
const request = (targetIp = address, destination = everybody, senderMac = client): Uint8Array =>
  encodeArp({
    operation: "request",
    source: senderMac,
    destination,
    senderMac,
    senderIp: ip("192.168.100.10"),
    targetMac: nobody,
    targetIp,
  });

beforeEach(() => {
  clock = new ManualClock();
  sent = [];
  links = [];
  broken = undefined;
});

describe("createArpSpeaker()", () => {
  test("tells the LAN in both forms at once, then every 1.1 s for 5 s", () => {
    const speaker = start();
    speaker.claim(address);
    speaker.claim(address);
    const gratuitous = (operation: "request" | "reply"): ArpFrame => ({
      operation,
      source: own,
      destination: everybody,
      senderMac: own,
      senderIp: address,
      targetMac: everybody,
      targetIp: address,
    });
    expect(taken()).toEqual([gratuitous("request"), gratuitous("reply")]);
    const times: number[] = [];
    for (let t = 0; t < 20_000; t += 100) {
      clock.advance(100);
      if (taken().length > 0) times.push(clock.monotonic());
    }
    expect(times).toEqual([1_100, 2_200, 3_300, 4_400]);
    expect(speaker.stats()).toEqual({ replies: 0, gratuitous: 10 });
    speaker.close();
  });

  test("answers requests for what is claimed, and nothing else", () => {
    const speaker = start();
    speaker.claim(address);
    taken();
    links[0]?.handlers.received(request());
    expect(taken()).toEqual([
      {
        operation: "reply",
        source: own,
        destination: client,
        senderMac: own,
        senderIp: address,
        targetMac: client,
        targetIp: ip("192.168.100.10"),
      },
    ]);
    links[0]?.handlers.received(request(address, own));
    expect(taken()).toHaveLength(1);
    links[0]?.handlers.received(request(ip("192.168.100.201")));
    links[0]?.handlers.received(request(address, "02:00:00:00:00:77" as MacAddress));
    links[0]?.handlers.received(request(address, everybody, own));
    links[0]?.handlers.received(new Uint8Array(10));
    expect(taken()).toEqual([]);
    expect(speaker.stats().replies).toBe(2);
    speaker.close();
  });

  test("opens the link for the first address and closes it after the last", () => {
    const speaker = start();
    expect(links).toHaveLength(0);
    speaker.release(address);
    speaker.claim(address);
    speaker.claim(ip("192.168.100.201"));
    speaker.release(address);
    expect(links.map((link) => link.open)).toEqual([true]);
    speaker.release(ip("192.168.100.201"));
    expect(links.map((link) => link.open)).toEqual([false]);
    taken();
    clock.advance(10_000);
    expect(taken()).toEqual([]);
    speaker.claim(address);
    expect(links.map((link) => link.open)).toEqual([false, true]);
    speaker.close();
    expect(links.map((link) => link.open)).toEqual([false, false]);
  });

  test("tries again every second when the link cannot be opened", () => {
    broken = "EPERM";
    const speaker = start();
    speaker.claim(address);
    clock.advance(2_500);
    broken = undefined;
    expect(taken()).toEqual([]);
    clock.advance(500);
    expect(taken()).toHaveLength(2);
    speaker.close();
  });

  test("opens the link again and tells everybody anew after it failed", () => {
    const speaker = start();
    speaker.claim(address);
    clock.advance(10_000);
    taken();
    links[0]?.handlers.failed(new Error("ENETDOWN"));
    clock.advance(1_000);
    expect(links).toHaveLength(2);
    expect(taken()).toHaveLength(2);
    // A send that fails counts as a failure of the link.
    broken = "ENXIO";
    links[1]?.handlers.received(request());
    expect(links[1]?.open).toBe(false);
    broken = undefined;
    clock.advance(1_000);
    expect(links).toHaveLength(3);
    speaker.close();
    clock.advance(5_000);
    expect(links).toHaveLength(3);
  });

  test("does not open a failed link again when nothing is claimed any more", () => {
    const speaker = start();
    speaker.claim(address);
    links[0]?.handlers.failed(new Error("ENETDOWN"));
    speaker.release(address);
    clock.advance(5_000);
    expect(links).toHaveLength(1);
  });

  test("leaves IPv6 addresses alone", () => {
    const speaker = start();
    speaker.claim(ip("fd00::1"));
    expect(links).toHaveLength(0);
    speaker.release(ip("fd00::1"));
  });
});
