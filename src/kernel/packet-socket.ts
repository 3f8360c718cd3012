import { Socket } from "node:net";
import { constants, endianness } from "node:os";
import { checked, KernelError, libc } from "./libc.ts";

const afUnix = 1;
const afPacket = 17;
const sockStream = 1;
const sockRaw = 3;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;
const littleEndian = endianness() === "LE";

/** A raw socket that carries whole Ethernet frames of one type on one interface. */
export interface PacketSocket {
  /** The interface's Ethernet address as it is now: `aa:bb:cc:dd:ee:ff`. */
  mac(): string;
  /** Sends one frame, its Ethernet header included. Throws `KernelError` (`ENETDOWN`, `ENXIO`, ...). */
  send(frame: Uint8Array): void;
  /** Ends it; nothing is delivered after that. */
  close(): void;
}

export interface PacketSocketOptions {
  /** Name of the interface in the network namespace of the calling thread. */
  readonly link: string;
  /** The Ethernet type to receive, such as 0x0806 for ARP. */
  readonly etherType: number;
  /** Called for each frame that the interface receives. */
  received(frame: Uint8Array): void;
  /** Called when the socket has failed and is closed, for instance because the interface went down. */
  failed(error: Error): void;
}

/**
 * Opens a raw socket (AF_PACKET; needs CAP_NET_RAW in the owning user namespace). It stays in the network namespace in
 * which it was opened. Throws `KernelError`: `ENODEV` without such an interface, `EPERM` without the right.
 */
export function openPacketSocket(options: PacketSocketOptions): PacketSocket {
  const { link, etherType } = options;
  const c = libc();
  const index = c.if_nametoindex(link);
  if (index === 0) checked(`open a packet socket on ${link}`, -1);
  const raw = checked("open a packet socket", c.socket(afPacket, sockRaw | closeOnExec | nonBlocking, 0));
  let fd: number;
  let stream: Socket;
  try {
    checked(`bind a packet socket to ${link}`, c.bind(raw, linkAddress(index, etherType), linkAddressBytes));
    [fd, stream] = pollable(raw, options);
  } finally {
    c.close(raw);
  }
  let open = true;
  stream.once("error", (error) => {
    if (!open) return;
    open = false;
    options.failed(error);
  });
  return {
    mac: () => hardwareAddress(fd),
    send(frame) {
      // The number of a closed descriptor may be somebody else's by now.
      if (!open) throw new KernelError(`send a frame on ${link}`, constants.errno.EBADF, "the socket is closed");
      checked(`send a frame on ${link}`, c.send(fd, frame, frame.length, 0));
    },
    close() {
      open = false;
      stream.destroy();
    },
  };
}

/**
 * Node's event loop watches only descriptors of kinds that it knows, and packet sockets are none of them. So it gets
 * one end of a socket pair, and the packet socket takes that descriptor's place before the loop first polls. libuv
 * then does with it what is right for a packet socket too: poll, read(2) one frame, report errors, close.
 */
function pollable(raw: number, options: PacketSocketOptions): [number, Socket] {
  const c = libc();
  const pair = [-1, -1];
  checked("make a socket pair", c.socketpair(afUnix, sockStream | closeOnExec, 0, pair));
  const [fd = -1, other = -1] = pair;
  const stream = new Socket({ fd, readable: true, writable: false });
  stream.on("data", (frame: Uint8Array) => options.received(frame));
  const replaced = c.dup3(raw, fd, closeOnExec);
  c.close(other);
  if (replaced < 0) stream.destroy();
  checked("watch a packet socket", replaced);
  return [fd, stream];
}

const linkAddressBytes = 20;

/** `struct sockaddr_ll` in host byte order, its protocol in network order (packet(7)). */
function linkAddress(index: number, etherType: number): Uint8Array {
  const bytes = new Uint8Array(linkAddressBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, afPacket, littleEndian);
  view.setUint16(2, etherType);
  view.setInt32(4, index, littleEndian);
  return bytes;
}

function hardwareAddress(fd: number): string {
  const address = new Uint8Array(linkAddressBytes);
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, linkAddressBytes, littleEndian);
  checked("read the address of a packet socket", libc().getsockname(fd, address, length));
  return Array.from(address.subarray(12, 18), (byte) => byte.toString(16).padStart(2, "0")).join(":");
}
