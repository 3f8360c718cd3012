import { ipFromBytes } from "../../../src/core/index.ts";
import type { Ip, IpFamily, Port } from "../../../src/core/index.ts";

/** The head of a packet with ports, as it is on the wire. */
export interface IpPacket {
  readonly family: IpFamily;
  /** IANA's number: 6 TCP, 17 UDP, 132 SCTP. */
  readonly protocol: number;
  readonly source: Ip;
  readonly destination: Ip;
  readonly sourcePort: Port;
  readonly destinationPort: Port;
  /** Where what follows the ports' header's first four bytes begins: the transport header, ports included. */
  readonly transport: Uint8Array;
}

const withPorts = new Set([6, 17, 132]);

/** Reads an Ethernet frame; `undefined` for what is no IP packet with ports. */
export function readIpPacket(frame: Uint8Array): IpPacket | undefined {
  return readIp(frame.subarray(14));
}

/** Reads a packet that begins with its IP header. IPv6 extension headers are not followed. */
export function readIp(bytes: Uint8Array): IpPacket | undefined {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4 && bytes.length >= 24) {
    const header = ((bytes[0] ?? 0) & 15) * 4;
    return withTransport("IPv4", bytes[9] ?? 0, bytes.subarray(12, 16), bytes.subarray(16, 20), bytes.subarray(header));
  }
  if (version === 6 && bytes.length >= 44) {
    return withTransport("IPv6", bytes[6] ?? 0, bytes.subarray(8, 24), bytes.subarray(24, 40), bytes.subarray(40));
  }
  return undefined;
}

function withTransport(
  family: IpFamily,
  protocol: number,
  source: Uint8Array,
  destination: Uint8Array,
  transport: Uint8Array,
): IpPacket | undefined {
  if (!withPorts.has(protocol) || transport.length < 4) return undefined;
  const view = new DataView(transport.buffer, transport.byteOffset);
  return {
    family,
    protocol,
    source: ipFromBytes(source),
    destination: ipFromBytes(destination),
    sourcePort: view.getUint16(0),
    destinationPort: view.getUint16(2),
    transport,
  };
}
