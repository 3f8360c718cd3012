import { ip } from "../../../src/core/index.ts";
import type { IpFamily } from "../../../src/core/index.ts";
import { inNamespace } from "../../../src/kernel/index.ts";
import { openRawSocket } from "./raw-socket.ts";

/** Types of ICMP messages (RFC 792, RFC 4443), and the protocol's number. */
const icmp = {
  IPv4: { protocol: 1, request: 8, reply: 0, unreachable: 3 },
  IPv6: { protocol: 58, request: 128, reply: 129, unreachable: 1 },
} as const;

let nextId = 1;

/** Sends one echo request from a network namespace (a path), and tells what comes back within `timeoutMs`. */
export async function ping(
  namespace: string,
  family: IpFamily,
  address: string,
  timeoutMs: number,
): Promise<"answered" | "refused" | "silence"> {
  const { protocol, request, reply, unreachable } = icmp[family];
  const id = nextId++;
  let end: (answer: "answered" | "refused" | "silence") => void = () => undefined;
  const answer = new Promise<"answered" | "refused" | "silence">((resolve) => (end = resolve));
  const socket = inNamespace(namespace, () =>
    openRawSocket(family, protocol, (bytes) => {
      const message = family === "IPv4" ? withoutHeader(bytes) : bytes;
      if (message[0] === reply && idOf(message) === id) end("answered");
      // An error repeats the head of the packet that it is about.
      const about = message.subarray(8);
      const inner = family === "IPv4" ? withoutHeader(about) : about.subarray(40);
      if (message[0] === unreachable && inner[0] === request && idOf(inner) === id) end("refused");
    }),
  );
  const timer = setTimeout(() => end("silence"), timeoutMs);
  socket.send(ip(address), echoRequest(request, id));
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

function withoutHeader(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(((bytes[0] ?? 0) & 15) * 4);
}

function idOf(message: Uint8Array): number {
  return ((message[4] ?? 0) << 8) | (message[5] ?? 0);
}

/** With the sum of RFC 1071, which the kernel writes only over that of IPv6. */
function echoRequest(type: number, id: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, type);
  view.setUint16(4, id);
  view.setUint16(6, 1);
  const sum = (type << 8) + id + 1;
  view.setUint16(2, ~((sum & 0xffff) + (sum >>> 16)));
  return bytes;
}
