import { arch } from "node:os";
import type { IpFamily } from "../core/index.ts";
import { libc } from "./libc.ts";
import type { NativeMemory } from "./native-memory.ts";
import { inTurns } from "./turns.ts";

/** Memory with the entries of a table at its start. */
export interface TableMemory {
  readonly bytes: Uint8Array;
  grow(size: number): void;
}

/** The numbers of a table: bytes and number of its entries, and where the kernel's own chains and their policies are. */
export interface TableNumbers {
  readonly size: number;
  readonly entries: number;
  readonly hookEntries: readonly number[];
  readonly underflows: readonly number[];
}

/** A table as it is in the kernel. */
export interface TableImage extends TableNumbers {
  readonly memory: TableMemory;
  /** A bit for each hook of the kernel that the table has. */
  readonly hooks: number;
}

/** A table as it shall be. `kept` entries are the same as some of the former table, and keep their counters. */
export interface EditedTable extends TableNumbers {
  readonly kept: readonly { readonly now: number; readonly before: number; readonly count: number }[];
}

/** Changes an image in place, with pauses; `undefined` when it cannot. */
export type EditTable = (image: TableImage) => Generator<undefined, EditedTable | undefined>;

/** How a change of a table ended; `impossible`: nothing was written, as the edit could not be made. */
export type EditResult =
  | { readonly kind: "written" | "impossible" }
  | { readonly kind: "refused"; readonly errno: number };

/** How often a table is read again that others change at the same time without the lock. */
const attempts = 10;

/** Whether the tables of this machine have the layout that images have. */
export function knowsTables(): boolean {
  return ["x64", "arm64", "riscv64", "loong64"].includes(arch());
}

/**
 * Reads a legacy table, changes the copy, and puts it in the place of the table at once, as iptables-restore does: the kernel
 * knows no smaller change. To be called under the lock of the tables, one call after another.
 */
export async function editTable(
  { socket, family, memory }: TablePlace,
  table: string,
  edit: EditTable,
): Promise<EditResult> {
  for (let attempt = 1; ; attempt++) {
    try {
      const result = await tryEdit(new TableCalls(socket, family, table, memory), edit);
      if (result.kind !== "refused" || result.errno !== tryAgain || attempt === attempts) return result;
    } finally {
      memory.clear();
    }
  }
}

/** Where tables are: by an IP socket of the network namespace and family. The memory is used while a table is changed. */
export interface TablePlace {
  readonly socket: number;
  readonly family: IpFamily;
  readonly memory: NativeMemory;
}

async function tryEdit(calls: TableCalls, edit: EditTable): Promise<EditResult> {
  const image = await calls.read();
  if (typeof image === "number") return { kind: "refused", errno: image };
  let edited: EditedTable | undefined;
  try {
    edited = await inTurns(edit(image));
  } catch (error) {
    // The table is none that an image can be made of.
    if (!(error instanceof RangeError)) throw error;
  }
  if (edited === undefined) return { kind: "impossible" };
  const errno = await calls.replace(image, edited);
  return errno === 0 ? { kind: "written" } : { kind: "refused", errno };
}

// asm-generic/errno-base.h
const tryAgain = 11;
// linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h: the names and structures are the same in both.
const levels: Readonly<Record<IpFamily, number>> = { IPv4: 0, IPv6: 41 };
const option = { setReplace: 64, setCounters: 65, getInfo: 64, getEntries: 65 } as const;
const infoSize = 84;
const counterSize = 16;
/** In struct ipt_replace. Entries follow it, so that those that were read need not move. */
const entriesAt = 96;
/** In struct ipt_get_entries. */
const readEntriesAt = 40;
/** In struct xt_counters_info. */
const countersAt = 40;

/** The calls for one table, with everything in one piece of memory. */
class TableCalls {
  readonly #socket: number;
  readonly #family: IpFamily;
  readonly #table: string;
  readonly #memory: NativeMemory;

  constructor(socket: number, family: IpFamily, table: string, memory: NativeMemory) {
    this.#socket = socket;
    this.#family = family;
    this.#table = table;
    this.#memory = memory;
  }

  /** The table, or the number of an error. */
  async read(): Promise<TableImage | number> {
    this.#name(0);
    let errno = await this.#get(option.getInfo, 0, infoSize, infoSize);
    if (errno !== 0) return errno;
    // struct ipt_getinfo: name[32], valid_hooks, hook_entry[5], underflow[5], num_entries, size
    const numbers = Array.from(new Uint32Array(this.#bytes.buffer, 32, 13));
    const [hooks = 0, ...rest] = numbers;
    const [entries = 0, size = 0] = rest.slice(10);
    this.#memory.grow(entriesAt + size);
    const at = entriesAt - readEntriesAt;
    this.#name(at);
    this.#view.setUint32(at + 32, size, true);
    errno = await this.#get(option.getEntries, at, readEntriesAt + size, 0);
    if (errno !== 0) return errno;
    const memory = this.#memory;
    return {
      hooks,
      size,
      entries,
      hookEntries: rest.slice(0, 5),
      underflows: rest.slice(5, 10),
      memory: {
        get bytes() {
          return memory.bytes.subarray(entriesAt);
        },
        grow: (length) => memory.grow(entriesAt + length),
      },
    };
  }

  /** Replaces the table by the edited image; gives back 0 or the number of an error. */
  async replace(image: TableImage, edited: EditedTable): Promise<number> {
    // The kernel copies all entries first: what they had counted may then come to their place, where it needs no more memory.
    this.#memory.grow(entriesAt + Math.max(edited.size, (image.entries + edited.entries) * counterSize + countersAt));
    // struct ipt_replace
    this.#name(0);
    const view = this.#view;
    const words = [
      image.hooks,
      edited.entries,
      edited.size,
      ...edited.hookEntries,
      ...edited.underflows,
      image.entries,
    ];
    for (const [i, word] of words.entries()) view.setUint32(32 + 4 * i, word, true);
    view.setBigUint64(88, this.#memory.address + BigInt(entriesAt), true);
    const errno = await this.#set(option.setReplace, 0, entriesAt + edited.size);
    if (errno === 0 && edited.kept.length > 0) await this.#restoreCounters(image.entries, edited);
    return errno;
  }

  /** Adds what entries that are still there had counted. The tool, too, only hopes that this works. */
  async #restoreCounters(former: number, edited: EditedTable): Promise<void> {
    // struct xt_counters_info, behind the counters that the kernel gave.
    const at = entriesAt + former * counterSize;
    const { bytes } = this.#memory;
    const size = edited.entries * counterSize;
    bytes.fill(0, at + countersAt, at + countersAt + size);
    for (const { now, before, count } of edited.kept) {
      const from = entriesAt + before * counterSize;
      bytes.copyWithin(at + countersAt + now * counterSize, from, from + count * counterSize);
    }
    this.#name(at);
    this.#view.setUint32(at + 32, edited.entries, true);
    await this.#set(option.setCounters, at, countersAt + size);
  }

  /** Writes the table's name, which every structure begins with. */
  #name(at: number): void {
    this.#bytes.fill(0, at, at + 32);
    this.#bytes.set(new TextEncoder().encode(this.#table), at);
  }

  /** Asks for an option into the memory at `at`; the length lies at `lengthAt`, apart from it. */
  #get(name: number, at: number, length: number, lengthAt: number): Promise<number> {
    this.#view.setUint32(lengthAt, length, true);
    const { address } = this.#memory;
    const level = levels[this.#family];
    return libc().getsockoptAsync(this.#socket, level, name, address + BigInt(at), address + BigInt(lengthAt));
  }

  #set(name: number, at: number, length: number): Promise<number> {
    return libc().setsockoptAsync(this.#socket, levels[this.#family], name, this.#memory.address + BigInt(at), length);
  }

  get #bytes(): Uint8Array {
    return this.#memory.bytes;
  }

  get #view(): DataView {
    return new DataView(this.#bytes.buffer);
  }
}
