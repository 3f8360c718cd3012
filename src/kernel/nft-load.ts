import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter, readAcknowledgement } from "./netlink-bytes.ts";
import { errnoIn, littleEndian, messagesIn, netlinkControl } from "./netlink-messages.ts";

/** How one table is filled: chains and sets come as text for nft, elements as batches of netlink messages. */
export interface NftTableLoad {
  readonly family: "IPv4" | "IPv6";
  readonly name: string;
  steps(isThere: boolean): {
    readonly before: string;
    readonly batches: (batchBytes: number) => Iterable<Uint8Array>;
    readonly after: string;
  };
}

/** A socket of nfnetlink for big batches, in the network namespace in which it was made. */
export interface NftBatchSocket {
  /** Fills a table and returns the number of transactions. `runText` is nft. */
  load(table: NftTableLoad, runText: (script: string) => Promise<void>): Promise<number>;
  close(): void;
}

// linux/netlink.h, asm-generic/socket.h
const solSocket = 1;
const sendBuffer = 7;
const sendBufferForce = 32;
const solNetlink = 270;
const shortErrors = 10;
const doNotWait = 0x40;
// linux/netfilter/nf_tables.h: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE; NFTA_TABLE_NAME
const getTable = (10 << 8) | 1;
const tableName = 1;
const noEntry = 2;
const noBuffer = 105;
const answerBytes = 16 * 1024;

/** So much is sent at once where it need not take effect together: the kernel works on one batch while the next one is written. */
const pipelineBytes = 256 * 1024;
/** A batch of 50,000 Services with 5 endpoints has 30 MB. */
const biggestBatch = 512 * 1024 * 1024;
/** What the kernel counts beside the bytes. */
const overheadBytes = 32;

/** Opens the socket. Throws `KernelError`. */
export function openNftBatchSocket(): NftBatchSocket {
  const socket = checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 12));
  const limit = widen(socket);
  return {
    async load(table, runText) {
      const isThere = hasTable(socket, table);
      const { before, batches, after } = table.steps(isThere);
      await runText(before);
      // Over a table that is in use everything takes effect together, where the kernel has room for that.
      const bytes = isThere && limit === biggestBatch ? limit : Math.min(limit, pipelineBytes);
      let transactions = 1;
      let sent: Promise<void> = Promise.resolve();
      for (const batch of batches(bytes)) {
        await sent;
        sent = send(socket, batch, `fill the maps of table ${table.family === "IPv4" ? "ip" : "ip6"} ${table.name}`);
        // Told of with the next `await`.
        sent.catch(() => undefined);
        transactions++;
      }
      await sent;
      if (after === "") return transactions;
      await runText(after);
      return transactions + 1;
    },
    close: () => void libc().close(socket),
  };
}

/** Makes the socket take as much as it may, and returns how long a batch may be. User namespaces have the host's limit (`net.core.wmem_max`). */
function widen(socket: number): number {
  const option = (level: number, name: number, value: number): number => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setInt32(0, value, littleEndian);
    return libc().setsockopt(socket, level, name, bytes, 4);
  };
  option(solNetlink, shortErrors, 1);
  if (option(solSocket, sendBufferForce, biggestBatch) === 0) return biggestBatch;
  option(solSocket, sendBuffer, biggestBatch);
  const size = new Uint8Array(4);
  const length = new Uint8Array([4, 0, 0, 0]);
  checked("read the size of a netlink socket", libc().getsockopt(socket, solSocket, sendBuffer, size, length));
  return new DataView(size.buffer).getInt32(0, littleEndian) - overheadBytes;
}

/** Whether the kernel has the table. */
function hasTable(socket: number, { family, name }: NftTableLoad): boolean {
  const action = `look for the table ${name}`;
  const writer = new NetlinkWriter();
  const request = writer.message(getTable, 1, 1, () => {
    writer.u8(family === "IPv4" ? 2 : 10, 0, 0, 0).attribute(tableName, name);
  });
  checked(action, libc().send(socket, request, request.length, 0));
  const bytes = new Uint8Array(answerBytes);
  const length = checked(action, libc().recv(socket, bytes, bytes.length, 0));
  for (const { type, body } of messagesIn(bytes.subarray(0, length))) {
    if (type !== netlinkControl.error) return true;
    const errno = errnoIn(body);
    if (errno !== noEntry) throw new KernelError(action, errno);
  }
  return false;
}

/** Sends one batch from another thread, so that this one goes on meanwhile. */
async function send(socket: number, batch: Uint8Array, action: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    libc().send.async(socket, batch, batch.length, 0, (error, sent) => {
      if (error !== null) reject(error);
      else if (sent < 0) reject(new KernelError(action, libc().errno()));
      else resolve();
    });
  });
  const failure = failureOf(socket, action);
  if (failure !== undefined) throw failure;
}

/** The first of the errors that a batch had. The kernel answers before `send` returns, and only what failed. */
function failureOf(socket: number, action: string): KernelError | undefined {
  const answer = new Uint8Array(answerBytes);
  let failure: KernelError | undefined;
  for (;;) {
    const length = libc().recv(socket, answer, answer.length, doNotWait);
    if (length < 0) {
      if (libc().errno() !== noBuffer) return failure;
      // More errors than the socket has room for.
      failure ??= new KernelError(action, noBuffer);
      continue;
    }
    const { errno, detail } = readAcknowledgement(answer.subarray(0, length));
    if (errno !== 0) failure ??= new KernelError(action, errno, detail);
  }
}
