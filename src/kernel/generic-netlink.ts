import { checked, KernelError, libc } from "./libc.ts";
import { NetlinkWriter } from "./netlink-bytes.ts";
import { dumpOf } from "./netlink-dump.ts";
import { attributesIn, numberIn } from "./netlink-messages.ts";
import { sendRequests } from "./netlink-requests.ts";
import { inNamespace } from "./netns.ts";

/** One request: a command of the family, and what writes its attributes. */
export interface GenericRequest {
  readonly command: number;
  readonly body: (writer: NetlinkWriter) => void;
}

// linux/netlink.h, linux/genetlink.h
const flags = { request: 1, dump: 0x300 };
const control = { id: 16, getFamily: 3, familyId: 1, familyName: 2 };
const protocolGeneric = 16;
const headerLength = 4;

/** A socket of generic netlink for one family of commands (man 7 netlink; RFC 3549 has the idea). */
export class GenericNetlink {
  readonly #socket: number;
  readonly #writer = new NetlinkWriter();
  readonly #family: number;

  /** Throws `KernelError` code `ENOENT` when the kernel has no such family, also none that it could load. */
  constructor(family: string, namespace?: string) {
    const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, protocolGeneric));
    this.#socket = namespace === undefined ? open() : inNamespace(namespace, open);
    try {
      this.#family = this.#resolve(family);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Sends one request that the kernel acknowledges, and gives back its error number, 0 for success. */
  ask(command: number, body: (writer: NetlinkWriter) => void): number {
    let result = 0;
    this.tell([{ command, body }], (_at, errno) => {
      result = errno;
    });
    return result;
  }

  /**
   * Sends requests in their order, many at a time, and tells of each that the kernel refuses. When `failed` throws, the requests that were sent
   * together with that one are made all the same, and no more.
   */
  tell(requests: readonly GenericRequest[], failed: (at: number, errno: number) => void): void {
    sendRequests(this.#socket, {
      count: requests.length,
      encode: (at) => {
        const { command, body } = requests[at] ?? missing();
        return this.#message(this.#family, command, flags.request, at + 1, body);
      },
      failed: (at, { errno }) => failed(at, errno),
    });
  }

  /** Everything that the kernel lists for a command: the bodies of its messages, after their header, each valid until the next is asked for. */
  *dump(
    action: string,
    command: number,
    body: (writer: NetlinkWriter) => void = () => undefined,
  ): IterableIterator<Uint8Array> {
    const request = this.#message(this.#family, command, flags.request | flags.dump, 1, body);
    for (const message of dumpOf(this.#socket, action, request)) yield message.subarray(headerLength);
  }

  close(): void {
    libc().close(this.#socket);
  }

  #resolve(family: string): number {
    const action = `find the kernel's ${family}`;
    const request = this.#message(control.id, control.getFamily, flags.request, 1, (writer) => {
      writer.attribute(control.familyName, family);
    });
    for (const message of dumpOf(this.#socket, action, request)) {
      const id = attributesIn(message.subarray(headerLength)).get(control.familyId);
      if (id !== undefined) return numberIn(id);
    }
    throw new KernelError(action, 74, "unexpected answer");
  }

  #message(
    type: number,
    command: number,
    flag: number,
    sequence: number,
    body: (writer: NetlinkWriter) => void,
  ): Uint8Array {
    return this.#writer.message(type, flag, sequence, () => {
      this.#writer.u8(command, 1).u16(0);
      body(this.#writer);
    });
  }
}

function missing(): never {
  throw new RangeError("a request is missing");
}
