import { Socket } from "node:net";
import { createRequire } from "node:module";
import type koffiTypes from "koffi";
import { ipToBytes } from "../../../src/core/index.ts";
import type { Ip, IpFamily } from "../../../src/core/index.ts";
import { checked, libc } from "../../../src/kernel/index.ts";

type SendTo = (
  fd: number,
  bytes: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  size: number,
) => number;

let sendTo: SendTo | undefined;

function sendToCall(): SendTo {
  const koffi = createRequire(import.meta.url)("koffi") as typeof koffiTypes;
  return koffi
    .load(null)
    .func("long sendto(int, const uint8_t *, size_t, int, const uint8_t *, unsigned int)") as SendTo;
}

/** A socket that carries the packets of one IP protocol; it stays in the namespace in which it was opened. */
export interface RawSocket {
  /** Sends a packet, from its transport header on. Errors are the fate of the packet: they are not told. */
  send(destination: Ip, bytes: Uint8Array): void;
  close(): void;
}

const sockRaw = 3 | 0o2000000 | 0o4000;

/** Opens a raw socket; `received` gets each packet: with its IP header in IPv4, without in IPv6 (raw(7), ipv6(7)). */
export function openRawSocket(family: IpFamily, protocol: number, received: (bytes: Uint8Array) => void): RawSocket {
  const c = libc();
  const afInet = family === "IPv4" ? 2 : 10;
  const raw = checked("open a raw socket", c.socket(afInet, sockRaw, protocol));
  const pair = [-1, -1];
  checked("make a socket pair", c.socketpair(1, 1 | 0o2000000, 0, pair));
  const [fd = -1, other = -1] = pair;
  // Node watches this descriptor for one end of a pair, and then the raw socket takes its place.
  const stream = new Socket({ fd, readable: true, writable: false });
  stream.on("data", (bytes: Uint8Array) => received(bytes));
  stream.on("error", () => undefined);
  checked("watch a raw socket", c.dup3(raw, fd, 0o2000000));
  c.close(other);
  c.close(raw);
  return {
    send(destination, bytes) {
      sendTo ??= sendToCall();
      const address = socketAddress(family, destination);
      sendTo(fd, bytes, bytes.length, 0, address, address.length);
    },
    close: () => void stream.destroy(),
  };
}

/** `struct sockaddr_in` or `sockaddr_in6` with port 0. */
function socketAddress(family: IpFamily, address: Ip): Uint8Array {
  const bytes = new Uint8Array(family === "IPv4" ? 16 : 28);
  new Uint16Array(bytes.buffer, 0, 1)[0] = family === "IPv4" ? 2 : 10;
  bytes.set(ipToBytes(address), family === "IPv4" ? 4 : 8);
  return bytes;
}
