import { readFileSync } from "node:fs";
import { endianness, networkInterfaces } from "node:os";
import { cidr, cidrContains, ipFamily, ipToBytes, parseIp } from "../core/index.ts";
import type { Ip, IpFamily, Port } from "../core/index.ts";
import { checked, libc } from "./libc.ts";

const families = { IPv4: 2, IPv6: 10 } as const;
const types = { TCP: 1, UDP: 2 } as const;
const closeOnExec = 0o2000000;
const nonBlocking = 0o4000;
const levelIpv6 = 41;
const ipv6Only = 26;
const littleEndian = endianness() === "LE";

/**
 * Makes a socket that is bound to an address and port (0: any free one) and gives back its descriptor, which is the
 * caller's to close. It belongs to the network namespace of the calling thread. Throws `KernelError`: `EADDRNOTAVAIL`
 * when the node does not have the address, `EADDRINUSE`. With `onlyIpv6`, `::` does not stand for all IPv4 addresses, too.
 */
export function bindSocket(
  protocol: "TCP" | "UDP",
  address: Ip,
  port: number,
  { onlyIpv6 = false }: { readonly onlyIpv6?: boolean } = {},
): number {
  const family = ipFamily(address);
  const c = libc();
  const action = `listen at ${address} port ${port} (${protocol})`;
  const fd = checked(action, c.socket(families[family], types[protocol] | closeOnExec | nonBlocking, 0));
  try {
    if (onlyIpv6 && family === "IPv6") {
      checked(action, c.setsockopt(fd, levelIpv6, ipv6Only, new Uint8Array(Int32Array.of(1).buffer), 4));
    }
    const bytes = socketAddress(address, port);
    checked(action, c.bind(fd, bytes, bytes.length));
    return fd;
  } catch (error) {
    c.close(fd);
    throw error;
  }
}

/** Whether the calling thread's network namespace has this address: costs a few microseconds, however many there are. */
export function hasAddress(address: Ip): boolean {
  try {
    libc().close(bindSocket("UDP", address, 0));
    return true;
  } catch {
    return false;
  }
}

const unusable = [cidr("127.0.0.0/8"), cidr("169.254.0.0/16"), cidr("::1/128"), cidr("fe80::/10")];

/**
 * The address by which the calling thread's node is known best: the first one of the link with the default route, or else
 * of any link but `except`. Loopback and link-local ones do not count. `undefined` when there is none.
 */
export function hostAddress(family: IpFamily, except?: string): Ip | undefined {
  const links = networkInterfaces();
  if (except !== undefined) delete links[except];
  const first = defaultLink(family);
  const ordered = [...(first === undefined ? [] : [first]), ...Object.keys(links)];
  for (const link of ordered) {
    for (const { address, family: found } of links[link] ?? []) {
      const ip = parseIp(address);
      if (ip !== undefined && found === family && !unusable.some((range) => cidrContains(range, ip))) return ip;
    }
  }
  return undefined;
}

/** The name of the link with the default route (man 5 proc, net/route and net/ipv6_route). */
function defaultLink(family: IpFamily): string | undefined {
  const file = family === "IPv4" ? "route" : "ipv6_route";
  let text: string;
  try {
    text = readFileSync(`/proc/thread-self/net/${file}`, "utf8");
  } catch {
    // A kernel without this family.
    return undefined;
  }
  for (const line of text.split("\n")) {
    const fields = line.trim().split(/\s+/);
    const [name = ""] = family === "IPv4" ? fields : fields.slice(9);
    const isDefault =
      family === "IPv4"
        ? fields[1] === "00000000" && fields[7] === "00000000"
        : fields[0] === "0".repeat(32) && fields[1] === "00";
    if (isDefault && name !== "" && name !== "lo") return name;
  }
  return undefined;
}

/** `struct sockaddr_in` or `sockaddr_in6`. */
export function socketAddress(address: Ip, port: Port): Uint8Array {
  const family = ipFamily(address);
  const bytes = new Uint8Array(family === "IPv4" ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, families[family], littleEndian);
  view.setUint16(2, port);
  bytes.set(ipToBytes(address), family === "IPv4" ? 4 : 8);
  return bytes;
}
