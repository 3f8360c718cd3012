import { ipFamily, ipFromBytes, ipToBytes } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { dumpOf } from "./netlink-dump.ts";
import { attributesIn, messagesIn, numberIn } from "./netlink-messages.ts";

// linux/rtnetlink.h
const getRoute = 26;
const newRoute = 24;
const flags = { request: 1, dump: 0x300 };
const attributes = { destination: 1, outLink: 4 };
const localTable = 255;
const typeLocal = 2;
const familyNumbers = { IPv4: 2, IPv6: 10 } as const;
// linux/netlink.h
const netlinkOptions = 270;
const strictRequests = 12;

/**
 * The addresses that the machine takes as its own by routes of a link, also those that came with an address of the link; in the network namespace of the
 * calling thread. Empty when there is no such link.
 */
export function localRoutes(link: string): readonly Ip[] {
  const index = libc().if_nametoindex(link);
  if (index === 0) return [];
  return withSocket((socket) => {
    // So that the kernel looks at the other tables and links for us; one that is too old for it answers with all routes.
    libc().setsockopt(socket, netlinkOptions, strictRequests, new Uint8Array(Uint32Array.of(1).buffer), 4);
    return Object.values(familyNumbers).flatMap((family) => routesOf(socket, family, index));
  });
}

function routesOf(socket: number, family: number, index: number): readonly Ip[] {
  const writer = new NetlinkWriter();
  const request = writer.message(getRoute, flags.request | flags.dump, 1, () => {
    writer.u8(family, 0, 0, 0, localTable, 0, 0, typeLocal).u32(0).attribute32(attributes.outLink, index);
  });
  const found: Ip[] = [];
  try {
    for (const body of dumpOf(socket, "ip route show table local", request)) {
      if (body[4] !== localTable || body[7] !== typeLocal) continue;
      const route = attributesIn(body.subarray(12));
      const destination = route.get(attributes.destination);
      if (destination === undefined || numberIn(route.get(attributes.outLink)) !== index) continue;
      const ip = ipFromBytes(destination);
      if (body[1] === destination.length * 8) found.push(ip);
    }
  } catch (error) {
    // The link went since it was looked up, or this kernel lacks the family.
    if (!(error instanceof KernelError) || !["ENODEV", "EOPNOTSUPP", "EAFNOSUPPORT"].includes(error.code)) throw error;
  }
  return found;
}

/** Whether the machine takes packets to each of these addresses as its own, in the network namespace of the calling thread. */
export function areLocal(addresses: readonly Ip[]): boolean {
  if (addresses.length === 0) return true;
  return withSocket((socket) => {
    const writer = new NetlinkWriter();
    const answer = new Uint8Array(4096);
    return addresses.every((address) => {
      const family = ipFamily(address);
      const request = writer.message(getRoute, flags.request, 1, () => {
        writer
          .u8(familyNumbers[family], family === "IPv4" ? 32 : 128, 0, 0, 0, 0, 0, 0)
          .u32(0)
          .attribute(attributes.destination, ipToBytes(address));
      });
      const action = `ip route get ${address}`;
      checked(action, libc().send(socket, request, request.length, 0));
      const length = checked(action, libc().recv(socket, answer, answer.length, 0));
      const [message] = messagesIn(answer.subarray(0, length));
      // An error says that there is no way to it.
      return message?.type === newRoute && message.body[7] === typeLocal;
    });
  });
}

function withSocket<T>(run: (socket: number) => T): T {
  const socket = checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 0));
  try {
    return run(socket);
  } finally {
    libc().close(socket);
  }
}
