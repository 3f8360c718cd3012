import { checked, libc } from "./libc.ts";
import { readAcknowledgement } from "./netlink-bytes.ts";
import type { NetlinkAnswer } from "./netlink-bytes.ts";
import { littleEndian, numberIn } from "./netlink-messages.ts";

const acknowledge = 4;
/** Answers of fewer bytes than this: errors repeat their requests. */
const answerBytes = 16 * 1024;
/** So many bytes of requests are sent at once: when all of them fail, their answers must fit into the socket's buffer. */
const batchBytes = 8 * 1024;

/** What goes on while requests are sent; every function may throw, and no more requests are sent then. */
export interface NetlinkRequests {
  readonly count: number;
  /** Writes one request. Its sequence number must be `at + 1`; of its flags the acknowledgement is chosen here. */
  readonly encode: (at: number) => Uint8Array;
  /** Told of each request that the kernel refuses, in their order. Those that were sent together with it are made all the same. */
  readonly failed: (at: number, answer: NetlinkAnswer) => void;
}

/**
 * Sends requests in their order, many at a time. Only the last of those that go together is acknowledged: the kernel answers in order, and says of
 * each request that fails that it does, so two calls do for about a hundred requests.
 */
export function sendRequests(socket: number, { count, encode, failed }: NetlinkRequests): void {
  const batch = new Uint8Array(batchBytes + 1024);
  const view = new DataView(batch.buffer);
  const answer = new Uint8Array(answerBytes);
  for (let at = 0; at < count;) {
    let length = 0;
    let last = 0;
    for (; at < count && length < batchBytes; at++) {
      const message = encode(at);
      batch.set(message, length);
      last = length;
      length += message.length;
    }
    view.setUint16(last + 6, view.getUint16(last + 6, littleEndian) | acknowledge, littleEndian);
    checked("send to the kernel", libc().send(socket, batch.subarray(0, length), length, 0));
    // All are read before anybody is told, so that no answer stays in the socket when that throws.
    for (const [number, one] of answersUntil(socket, answer, at)) failed(number - 1, one);
  }
}

/** The failures among the answers up to the one to request `last`, by sequence number. */
function answersUntil(socket: number, bytes: Uint8Array, last: number): readonly (readonly [number, NetlinkAnswer])[] {
  const failures: (readonly [number, NetlinkAnswer])[] = [];
  for (;;) {
    const received = checked("read from the kernel", libc().recv(socket, bytes, bytes.length, 0));
    for (let at = 0; at + 20 <= received;) {
      const length = numberIn(bytes.subarray(at, at + 4));
      const message = bytes.subarray(at, at + Math.max(length, 16));
      at += (message.length + 3) & ~3;
      // Answers with data are passed over.
      if (numberIn(message.subarray(4, 6)) !== 2) continue;
      const sequence = numberIn(message.subarray(8, 12));
      const answer = readAcknowledgement(message);
      if (answer.errno !== 0) failures.push([sequence, answer]);
      if (sequence === last) return failures;
    }
  }
}
