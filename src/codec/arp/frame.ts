import { ipFromBytes, ipToBytes } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";

declare const macBrand: unique symbol;

/** An Ethernet address as `aa:bb:cc:dd:ee:ff`, lower case, so that equal addresses are equal strings. */
export type MacAddress = string & { readonly [macBrand]: true };

/** Every station of the link. */
export const broadcastMac = "ff:ff:ff:ff:ff:ff" as MacAddress;

/** An ARP packet for IPv4 over Ethernet (RFC 826) with its Ethernet header. */
export interface ArpFrame {
  readonly operation: "request" | "reply";
  /** Ethernet source and destination. */
  readonly source: MacAddress;
  readonly destination: MacAddress;
  readonly senderMac: MacAddress;
  readonly senderIp: Ip;
  readonly targetMac: MacAddress;
  readonly targetIp: Ip;
}

/** Ethernet's number for ARP. */
export const etherTypeArp = 0x0806;

const frameBytes = 42;
const hardwareEthernet = 1;
const protocolIpv4 = 0x0800;
const operations = ["request", "reply"] as const;

/** Reads `aa:bb:cc:dd:ee:ff` in either case; `undefined` when `text` is no Ethernet address. */
export function parseMac(text: string): MacAddress | undefined {
  return /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? (text.toLowerCase() as MacAddress) : undefined;
}

/** The 42 bytes on the wire (the link pads them to its minimum). Throws `RangeError` for IPv6 addresses. */
export function encodeArp(frame: ArpFrame): Uint8Array {
  const bytes = new Uint8Array(frameBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(macToBytes(frame.destination), 0);
  bytes.set(macToBytes(frame.source), 6);
  view.setUint16(12, etherTypeArp);
  view.setUint16(14, hardwareEthernet);
  view.setUint16(16, protocolIpv4);
  view.setUint8(18, 6);
  view.setUint8(19, 4);
  view.setUint16(20, operations.indexOf(frame.operation) + 1);
  bytes.set(macToBytes(frame.senderMac), 22);
  bytes.set(ipv4ToBytes(frame.senderIp), 28);
  bytes.set(macToBytes(frame.targetMac), 32);
  bytes.set(ipv4ToBytes(frame.targetIp), 38);
  return bytes;
}

/** Reads a frame; `undefined` when it is anything but an ARP request or reply for IPv4 over Ethernet. */
export function decodeArp(bytes: Uint8Array): ArpFrame | undefined {
  if (bytes.length < frameBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const isIpv4OverEthernet =
    view.getUint16(12) === etherTypeArp &&
    view.getUint16(14) === hardwareEthernet &&
    view.getUint16(16) === protocolIpv4 &&
    view.getUint8(18) === 6 &&
    view.getUint8(19) === 4;
  const operation = operations[view.getUint16(20) - 1];
  if (!isIpv4OverEthernet || operation === undefined) return undefined;
  return {
    operation,
    destination: macFromBytes(bytes, 0),
    source: macFromBytes(bytes, 6),
    senderMac: macFromBytes(bytes, 22),
    senderIp: ipFromBytes(bytes.subarray(28, 32)),
    targetMac: macFromBytes(bytes, 32),
    targetIp: ipFromBytes(bytes.subarray(38, 42)),
  };
}

function macToBytes(mac: MacAddress): readonly number[] {
  return mac.split(":").map((part) => Number.parseInt(part, 16));
}

function macFromBytes(bytes: Uint8Array, offset: number): MacAddress {
  const parts = Array.from(bytes.subarray(offset, offset + 6), (byte) => byte.toString(16).padStart(2, "0"));
  return parts.join(":") as MacAddress;
}

function ipv4ToBytes(address: Ip): Uint8Array {
  const bytes = ipToBytes(address);
  if (bytes.length !== 4) throw new RangeError(`ARP carries IPv4 addresses only, not ${address}`);
  return bytes;
}
