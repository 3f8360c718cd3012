import { checked, libc } from "./libc.ts";
import { littleEndian, messagesIn, numberIn } from "./netlink-messages.ts";
import { inNamespace } from "./netns.ts";

// linux/rtnetlink.h: RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR
const groups = 0x10 | 0x100;
const doNotWait = 0x40;

/** Hears of addresses that come and go in a network namespace, without asking for their list. */
export class AddressWatch {
  readonly #socket: number;
  readonly #bytes = new Uint8Array(64 * 1024);

  constructor(namespace?: string) {
    const open = (): number => checked("open a netlink socket", libc().socket(16, 3 | 0x80000, 0));
    this.#socket = namespace === undefined ? open() : inNamespace(namespace, open);
    const address = new Uint8Array(12);
    const view = new DataView(address.buffer);
    view.setUint16(0, 16, littleEndian);
    view.setUint32(8, groups, littleEndian);
    checked("listen to changes of addresses", libc().bind(this.#socket, address, address.length));
  }

  /** Whether an address of another link than `own` (its index) may have come or gone since the last call. */
  changed(own: () => number): boolean {
    let index: number | undefined;
    let changed = false;
    for (const link of this.#links()) {
      if (changed) continue;
      index ??= own();
      changed = link !== index;
    }
    return changed;
  }

  close(): void {
    libc().close(this.#socket);
  }

  /** The link of each change; `undefined` when there were more than the socket holds, as after many changes of our own. */
  *#links(): IterableIterator<number | undefined> {
    for (;;) {
      const length = libc().recv(this.#socket, this.#bytes, this.#bytes.length, doNotWait);
      if (length < 0) {
        const lost = libc().errno() === 105; // ENOBUFS
        if (!lost) return;
        yield undefined;
        continue;
      }
      for (const { body } of messagesIn(this.#bytes.subarray(0, length))) yield numberIn(body.subarray(4, 8));
    }
  }
}
