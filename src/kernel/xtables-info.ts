import type { IpFamily } from "../core/index.ts";
import { libc } from "./libc.ts";
import { openNft } from "./nft.ts";

const tables = ["mangle", "nat", "filter"];
// linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h: IPT_SO_GET_INFO, IP6T_SO_GET_INFO
const getInfo = 64;
const infoBytes = 84;

/**
 * How many rules and bytes each table of iptables has in the caller's network namespace, as a text to compare: for nftables' variant the
 * number of its last transaction. It costs some microseconds, where listing rules costs a process.
 */
export function tableSizes(family: IpFamily, variant: "legacy" | "nft"): string {
  if (variant === "nft") {
    const nft = openNft();
    try {
      return String(nft.generation());
    } finally {
      nft.close();
    }
  }
  const [domain, level] = family === "IPv4" ? [2, 0] : [10, 41];
  const socket = libc().socket(domain, 3 | 0x80000, 255);
  if (socket < 0) return "unknown";
  try {
    return tables.map((table) => sizeOf(socket, level, table)).join(" ");
  } finally {
    libc().close(socket);
  }
}

function sizeOf(socket: number, level: number, table: string): string {
  const info = new Uint8Array(infoBytes);
  info.set(new TextEncoder().encode(table));
  const length = new Uint8Array(new Uint32Array([infoBytes]).buffer);
  // A table that nobody has used yet is none.
  if (libc().getsockopt(socket, level, getInfo, info, length) < 0) return "none";
  const numbers = new Uint32Array(info.buffer);
  return `${numbers[19]}/${numbers[20]}`;
}
