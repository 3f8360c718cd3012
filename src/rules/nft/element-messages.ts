import type { IpFamily } from "../../core/index.ts";
import { bytesOf, littleEndian, partsOf, writeParts } from "./element-bytes.ts";
import type { Part } from "./element-bytes.ts";
import { commentText, isFilledByPackets } from "./statement.ts";
import type { SetDefinition, Written } from "./statement.ts";

/** What is to be in the maps and sets of one table. */
interface TableElements {
  readonly family: IpFamily;
  readonly table: string;
  readonly sets: readonly SetDefinition[];
  /** Calls back for every element, and stops now and then. */
  readonly each: (visit: (set: string, element: Written) => void) => Iterable<void>;
}

// linux/netfilter/nfnetlink.h, nf_tables.h and linux/netlink.h.
const batchBegin = 16;
const batchEnd = 17;
const nftables = 10;
const newElements = (nftables << 8) | 12;
const deleteElements = (nftables << 8) | 14;
const request = 1;
const create = 0x400;
const nested = 0x8000;
const listTable = 1;
const listSet = 2;
const listElements = 3;
const listElement = 1;
const elementKey = 1;
const elementData = 2;
const elementUserData = 6;
const elementKeyEnd = 10;
const dataValue = 1;
const dataVerdict = 2;
const verdictCode = 1;
const verdictChain = 2;
const verdictDrop = 0;
const verdictGoto = -4;

const headerBytes = 20;
const messageBytes = 0x1_0000;
/** The longest element: two IPv6 keys, a comment and a chain's name. */
const longestElement = 1024;

/**
 * The elements of a table as transactions of netlink (`NFT_MSG_NEWSETELEM`), without the parsing that takes most of the time of
 * `nft -f`. Each is at most `batchBytes` long, as far as one message of 64 KiB allows; all sets but those that packets fill are emptied first with `flush`. What is
 * loaded so is what nft would have loaded, to the byte.
 */
export function* elementBatches(
  { family, table, sets, each }: TableElements,
  { flush, batchBytes }: { readonly flush: boolean; readonly batchBytes: number },
): Generator<Uint8Array> {
  const batches = new Batches(batchBytes);
  const filled = sets.filter((set) => !isFilledByPackets(set));
  if (flush) for (const { name } of filled) batches.append(listMessage(deleteElements, family, table, name).slice());
  const messages = new Map(filled.map((set) => [set.name, new SetMessages(family, table, set, batches)]));
  for (const _ of each((set, element) => messages.get(set)?.add(element))) yield* batches.take();
  for (const message of messages.values()) message.end();
  batches.end();
  yield* batches.take();
}

/** Puts messages together to batches: each is a transaction. */
class Batches {
  readonly #limit: number;
  #bytes: Uint8Array;
  #length = 0;
  #done: Uint8Array[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#bytes = new Uint8Array(Math.min(limit, 1 << 20));
  }

  append(message: Uint8Array): void {
    if (this.#length > 0 && this.#length + message.length + headerBytes > this.#limit) this.end();
    if (this.#length === 0) this.#put(edgeMessage(batchBegin));
    this.#put(message);
  }

  end(): void {
    if (this.#length === 0) return;
    this.#put(edgeMessage(batchEnd));
    this.#done.push(this.#bytes.subarray(0, this.#length));
    this.#bytes = new Uint8Array(this.#bytes.length);
    this.#length = 0;
  }

  take(): readonly Uint8Array[] {
    if (this.#done.length === 0) return this.#done;
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #put(bytes: Uint8Array): void {
    if (this.#length + bytes.length > this.#bytes.length) {
      const bigger = new Uint8Array(2 * this.#bytes.length + bytes.length);
      bigger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = bigger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
}

/** Writes the elements of one set to messages of at most 64 KiB, which a list's length has room for. */
class SetMessages {
  readonly #bytes = new Uint8Array(messageBytes);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #batches: Batches;
  readonly #list: number;
  readonly #key: readonly Part[];
  readonly #keyBytes: number;
  readonly #hasRanges: boolean;
  readonly #value: readonly Part[] | "verdict" | undefined;
  readonly #valueBytes: number;
  #at: number;

  constructor(family: IpFamily, table: string, { name, key, value, flags = [] }: SetDefinition, batches: Batches) {
    this.#batches = batches;
    const start = listMessage(newElements, family, table, name);
    this.#bytes.set(start);
    this.#list = start.length;
    this.#at = start.length + 4;
    this.#key = partsOf(key);
    this.#keyBytes = bytesOf(this.#key);
    this.#hasRanges = flags.includes("interval");
    this.#value = value === undefined || value === "verdict" ? value : partsOf(value);
    this.#valueBytes = typeof this.#value === "object" ? bytesOf(this.#value) : 0;
  }

  add({ key, value, comment }: Written): void {
    if (this.#at + longestElement > messageBytes) this.end();
    const start = this.#at;
    this.#at += 4;
    this.#addKey(elementKey, key, "first");
    if (this.#hasRanges) this.#addKey(elementKeyEnd, key, "last");
    if (value !== undefined) this.#addData(value);
    if (comment !== undefined) this.#addComment(commentText(comment));
    this.#header(start, this.#at - start, listElement | nested);
  }

  /** Hands on what is there. */
  end(): void {
    if (this.#at === this.#list + 4) return;
    this.#header(this.#list, this.#at - this.#list, listElements | nested);
    this.#view.setUint32(0, this.#at, littleEndian);
    this.#batches.append(this.#bytes.subarray(0, this.#at));
    this.#at = this.#list + 4;
  }

  #addKey(type: number, key: string, edge: "first" | "last"): void {
    this.#header(this.#at, this.#keyBytes + 8, type | nested);
    this.#header(this.#at + 4, this.#keyBytes + 4, dataValue);
    this.#at = writeParts(this.#view, this.#at + 8, this.#key, key, edge);
  }

  #addData(value: string): void {
    const start = this.#at;
    if (this.#value === "verdict") {
      this.#at += 8;
      this.#header(this.#at, 8, verdictCode);
      const isGoto = value.startsWith("goto ");
      this.#view.setInt32(this.#at + 4, isGoto ? verdictGoto : verdictDrop);
      this.#at += 8;
      if (isGoto) {
        const name = this.#at;
        const length = this.#text(name + 4, value, 5);
        this.#header(name, length + 4, verdictChain);
        this.#pad(name + 4 + length);
      }
      this.#header(start + 4, this.#at - start - 4, dataVerdict | nested);
    } else if (this.#value !== undefined) {
      this.#header(start + 4, this.#valueBytes + 4, dataValue);
      this.#at = writeParts(this.#view, start + 8, this.#value, value, "first");
    }
    this.#header(start, this.#at - start, elementData | nested);
  }

  /** Comments stand in the data that nft keeps for itself: type 0, length, text (libnftnl: `NFTNL_UDATA_SET_ELEM_COMMENT`). */
  #addComment(text: string): void {
    const start = this.#at;
    const length = this.#text(start + 6, text, 0);
    this.#bytes[start + 4] = 0;
    this.#bytes[start + 5] = length;
    this.#header(start, length + 6, elementUserData);
    this.#pad(start + 6 + length);
  }

  /** Writes a text from `from` on, with the zero byte that ends it; returns how long that is. Kubernetes' names are ASCII. */
  #text(at: number, text: string, from: number): number {
    const bytes = this.#bytes;
    let to = at;
    for (let i = from; i < text.length; i++) bytes[to++] = text.charCodeAt(i);
    bytes[to++] = 0;
    return to - at;
  }

  #pad(end: number): void {
    this.#at = end;
    while ((this.#at & 3) !== 0) this.#bytes[this.#at++] = 0;
  }

  #header(at: number, length: number, type: number): void {
    this.#view.setUint16(at, length, littleEndian);
    this.#view.setUint16(at + 2, type, littleEndian);
  }
}

/** A message about the elements of a set, without any: alone it means all of them. */
function listMessage(type: number, family: IpFamily, table: string, set: string): Uint8Array {
  const flags = type === newElements ? request | create : request;
  return message(
    type,
    flags,
    [family === "IPv4" ? 2 : 10, 0, 0, 0],
    [
      [listTable, table],
      [listSet, set],
    ],
  );
}

/** Begins or ends a batch of nftables; the subsystem's number is in network order. */
function edgeMessage(type: number): Uint8Array {
  return message(type, request, [0, 0, 0, nftables], []);
}

function message(
  type: number,
  flags: number,
  family: readonly number[],
  texts: readonly (readonly [type: number, text: string])[],
): Uint8Array {
  const length = texts.reduce((sum, [, text]) => sum + 4 + ((text.length + 4) & ~3), headerBytes);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, littleEndian);
  view.setUint16(4, type, littleEndian);
  view.setUint16(6, flags, littleEndian);
  bytes.set(family, 16);
  let at = headerBytes;
  for (const [attribute, text] of texts) {
    view.setUint16(at, text.length + 5, littleEndian);
    view.setUint16(at + 2, attribute, littleEndian);
    for (let i = 0; i < text.length; i++) bytes[at + 4 + i] = text.charCodeAt(i);
    at += 4 + ((text.length + 4) & ~3);
  }
  return bytes;
}
