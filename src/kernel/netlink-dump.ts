import { checked, KernelError, libc } from "./libc.ts";
import { errnoIn, messagesIn, netlinkControl } from "./netlink-messages.ts";

/** A buffer that is not in use: there are many lists, and mostly one at a time. */
const spare: Uint8Array[] = [];

/** More than the kernel puts into one datagram of a list (man 7 netlink). */
const datagramBytes = 64 * 1024;

/**
 * Sends a request for a list, and gives the bodies of the messages that the kernel answers, each valid until the next is asked for. When
 * whoever asks stops early, nothing of the list may be left: only for answers of one message. Throws what `refusal` makes of an error number,
 * `KernelError` with `action` by default.
 */
export function* dumpOf(
  socket: number,
  action: string,
  request: Uint8Array,
  refusal: (errno: number) => Error = (errno) => new KernelError(action, errno),
): IterableIterator<Uint8Array> {
  checked(action, libc().send(socket, request, request.length, 0));
  const bytes = spare.pop() ?? new Uint8Array(datagramBytes);
  try {
    yield* answers(socket, action, bytes, refusal);
  } finally {
    if (spare.length === 0) spare.push(bytes);
  }
}

function* answers(
  socket: number,
  action: string,
  bytes: Uint8Array,
  refusal: (errno: number) => Error,
): IterableIterator<Uint8Array> {
  for (;;) {
    const length = checked(action, libc().recv(socket, bytes, bytes.length, 0));
    for (const { type, body } of messagesIn(bytes.subarray(0, length))) {
      if (type === netlinkControl.done) {
        const errno = body.length < 4 ? 0 : errnoIn(body);
        if (errno !== 0) throw refusal(errno);
        return;
      }
      if (type === netlinkControl.error) throw refusal(errnoIn(body));
      yield body;
    }
  }
}
