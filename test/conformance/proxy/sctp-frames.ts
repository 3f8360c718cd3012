import { readIpPacket } from "./ip-packet.ts";

/**
 * As much SCTP as a flow needs to be opened and answered: INIT and INIT ACK (RFC 9260 3.3). Kernels without SCTP sockets
 * track and redirect it all the same.
 */
export function sctpInit(sourcePort: number, destinationPort: number): Uint8Array {
  return withChecksum(packet(sourcePort, destinationPort, 0, chunk(1, 0x5ea1_a4e0 + sourcePort, new Uint8Array())));
}

/** A parameter type that receivers skip when they do not know it (RFC 9260 3.2.1: first bit set, second not). */
const greetingParameter = 0x8ea1;

/** The frame with which a pod answers an INIT to `port`; `undefined` for other frames. */
export function answerSctp(frame: Uint8Array, port: number, greet: (client: string) => string): Uint8Array | undefined {
  const asked = readIpPacket(frame);
  if (asked?.protocol !== 132 || asked.destinationPort !== port || asked.transport[12] !== 1) return undefined;
  const tag = new DataView(asked.transport.buffer, asked.transport.byteOffset).getUint32(16);
  const text = new TextEncoder().encode(greet(asked.source));
  const parameter = new Uint8Array(4 + Math.ceil(text.length / 4) * 4);
  const view = new DataView(parameter.buffer);
  view.setUint16(0, greetingParameter);
  view.setUint16(2, 4 + text.length);
  parameter.set(text, 4);
  const answer = withChecksum(packet(port, asked.sourcePort, tag, chunk(2, 1, parameter)));
  return replyFrame(frame, answer);
}

/** What a pod told in its INIT ACK, and the port that it answered to; `undefined` for other packets. */
export function readSctpAnswer(transport: Uint8Array): { readonly port: number; readonly text: string } | undefined {
  if (transport.length < 36 || transport[12] !== 2) return undefined;
  const view = new DataView(transport.buffer, transport.byteOffset, transport.length);
  if (view.getUint16(32) !== greetingParameter) return undefined;
  const length = view.getUint16(34);
  return { port: view.getUint16(2), text: new TextDecoder().decode(transport.subarray(36, 32 + length)) };
}

function packet(sourcePort: number, destinationPort: number, tag: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, sourcePort);
  view.setUint16(2, destinationPort);
  view.setUint32(4, tag);
  bytes.set(body, 12);
  return bytes;
}

function chunk(type: number, initiateTag: number, parameters: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + parameters.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint16(2, bytes.length);
  view.setUint32(4, initiateTag);
  view.setUint32(8, 65_536);
  view.setUint16(12, 1);
  view.setUint16(14, 1);
  view.setUint32(16, 1);
  bytes.set(parameters, 20);
  return bytes;
}

function withChecksum(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(8, crc32c(bytes), true);
  return bytes;
}

/** CRC-32C over a packet whose checksum is zero (RFC 9260 appendix A). */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ ((crc & 1) === 0 ? 0 : 0x82f6_3b78);
  }
  return ~crc >>> 0;
}

/** The frame back to whom `frame` came from, with another payload. */
function replyFrame(frame: Uint8Array, transport: Uint8Array): Uint8Array {
  const isFour = (frame[14] ?? 0) >> 4 === 4;
  const reply = new Uint8Array(14 + (isFour ? 20 : 40) + transport.length);
  reply.set(frame.subarray(6, 12), 0);
  reply.set(frame.subarray(0, 6), 6);
  reply.set(frame.subarray(12, 14), 12);
  const view = new DataView(reply.buffer);
  if (isFour) {
    view.setUint8(14, 0x45);
    view.setUint16(16, 20 + transport.length);
    view.setUint8(22, 64);
    view.setUint8(23, 132);
    reply.set(frame.subarray(30, 34), 26);
    reply.set(frame.subarray(26, 30), 30);
    view.setUint16(24, internetChecksum(reply.subarray(14, 34)));
  } else {
    view.setUint8(14, 0x60);
    view.setUint16(18, transport.length);
    view.setUint8(20, 132);
    view.setUint8(21, 64);
    reply.set(frame.subarray(38, 54), 22);
    reply.set(frame.subarray(22, 38), 38);
  }
  reply.set(transport, reply.length - transport.length);
  return reply;
}

function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
