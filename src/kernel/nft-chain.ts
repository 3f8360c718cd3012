import type { IpFamily } from "../core/index.ts";
import { libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, messagesIn, netlinkControl } from "./netlink-messages.ts";

/** A chain of nftables. */
export interface NftChainPlace {
  readonly family: IpFamily;
  readonly table: string;
  readonly chain: string;
}

// linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN; NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, NFTA_CHAIN_USE
const getChain = (10 << 8) | 4;
const request = 1;
const chainTable = 1;
const chainName = 3;
const chainUse = 6;

/**
 * How many rules a chain has, and how many rules and elements lead to it, in one number; `undefined` when there is no such chain. Asked by a socket of
 * nfnetlink.
 */
export function readChainUse(socket: number, { family, table, chain }: NftChainPlace): number | undefined {
  const writer = new NetlinkWriter();
  const message = writer.message(getChain, request, 1, () => {
    writer
      .u8(family === "IPv4" ? 2 : 10, 0, 0, 0)
      .attribute(chainTable, table)
      .attribute(chainName, chain);
  });
  if (libc().send(socket, message, message.length, 0) < 0) return undefined;
  const bytes = new Uint8Array(4096);
  const length = libc().recv(socket, bytes, bytes.length, 0);
  if (length < 0) return undefined;
  // The chain itself, or an error.
  for (const { type, body } of messagesIn(bytes.subarray(0, length))) {
    if (type === netlinkControl.error) return undefined;
    const value = attributesIn(body.subarray(4)).get(chainUse);
    // Attributes of nftables are in network order.
    return value?.length === 4 ? new DataView(value.buffer, value.byteOffset).getUint32(0) : 0;
  }
  return undefined;
}
