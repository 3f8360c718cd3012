import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { attributesIn, messagesIn } from "./netlink-messages.ts";

// linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN; NFTA_GEN_ID
const getGeneration = (10 << 8) | 16;
const generationId = 1;

/** Reads the number that grows by one with each transaction of nftables, by a socket of nfnetlink. Throws `KernelError`. */
export function readGeneration(socket: number): number {
  const action = "read the generation of nftables";
  const writer = new NetlinkWriter();
  const message = writer.message(getGeneration, 1, 1, () => void writer.u8(0, 0, 0, 0));
  checked(action, libc().send(socket, message, message.length, 0));
  const bytes = new Uint8Array(1024);
  const length = checked(action, libc().recv(socket, bytes, bytes.length, 0));
  for (const { body } of messagesIn(bytes.subarray(0, length))) {
    const value = attributesIn(body.subarray(4)).get(generationId);
    // Attributes of nftables are in network order.
    if (value?.length === 4) return new DataView(value.buffer, value.byteOffset).getUint32(0);
  }
  throw new KernelError(action, 74, "unexpected answer");
}
