/** Where the fields of `struct mmsghdr` are, in bytes, and how long it is where pointers have 64 bits: recvmsg(2), recvmmsg(2). */
const nameField = 0;
const nameLengthField = 8;
const vectorsField = 16;
const vectorCountField = 24;
const receivedField = 56;
const headerBytes = 64;
/** `struct iovec`: a pointer and a length. */
const vectorBytes = 16;
/** `struct sockaddr_in6`, the longer one, and what is kept free for it. */
const longestName = 28;
const nameBytes = 32;
/** Longer than any datagram; the rest keeps neighbours from beginning at the same place of the processor's cache. */
const receiveBytes = 65_536 + 64;
/** Longer answers are rare. */
const sendBytes = 4096;
/** Which half of 64 bits counts the ones. */
const lowHalf = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 0 : 1;

/**
 * Memory in which the kernel finds `count` datagrams to receive, as many to send, and whom they are from and for. Pages that
 * no datagram has touched take no memory.
 */
export class DatagramArea {
  /** Its address, and that of the headers for receiving. */
  readonly base: number;
  readonly bytes: Uint8Array;
  /** The same memory. */
  readonly words: Uint32Array;
  readonly #namesAt: number;
  readonly #sendHeadersAt: number;
  readonly #sendVectorsAt: number;
  readonly #sendDataAt: number;
  readonly #receiveDataAt: number;
  /** Where each name is in memory: two words. */
  readonly #namePointers: Uint32Array;

  /** `reserve` gives so many bytes of zeros that do not move, and their address. */
  constructor(count: number, reserve: (length: number) => { readonly bytes: Uint8Array; readonly address: bigint }) {
    const receiveVectorsAt = count * headerBytes;
    this.#namesAt = receiveVectorsAt + count * vectorBytes;
    this.#sendHeadersAt = this.#namesAt + count * nameBytes;
    this.#sendVectorsAt = this.#sendHeadersAt + count * headerBytes;
    this.#sendDataAt = this.#sendVectorsAt + count * vectorBytes;
    this.#receiveDataAt = this.#sendDataAt + count * sendBytes;
    const { bytes, address } = reserve(this.#receiveDataAt + count * receiveBytes);
    const base = Number(address);
    this.base = base;
    this.bytes = bytes;
    this.words = new Uint32Array(this.bytes.buffer);
    this.#namePointers = new Uint32Array(2 * count);

    const longs = new BigUint64Array(this.bytes.buffer);
    const write = (at: number, value: number) => (longs[at / 8] = BigInt(value));
    const connect = (i: number, header: number, vector: number, data: number, length: number) => {
      write(header + nameField, base + this.nameAt(i));
      write(header + vectorsField, base + vector);
      write(header + vectorCountField, 1);
      write(vector, base + data);
      write(vector + 8, length);
    };
    for (let i = 0; i < count; i++) {
      connect(i, i * headerBytes, receiveVectorsAt + i * vectorBytes, this.receivedAt(i), receiveBytes);
      const [vector, data] = [this.#sendVectorsAt + i * vectorBytes, this.#sendDataAt + i * sendBytes];
      connect(i, this.sendHeaderAt(i), vector, data, sendBytes);
      this.#namePointers.set(this.words.subarray((i * headerBytes) >> 2, ((i * headerBytes) >> 2) + 2), 2 * i);
    }
  }

  /** Tells the kernel how much room `count` names have; it writes over that how long each is. */
  offerNames(count: number): void {
    for (let i = 0; i < count; i++) this.words[(i * headerBytes + nameLengthField) >> 2] = longestName;
  }

  /** Where the `i`th datagram that was received begins. */
  receivedAt(i: number): number {
    return this.#receiveDataAt + i * receiveBytes;
  }

  receivedLength(i: number): number {
    return this.words[(i * headerBytes + receivedField) >> 2] ?? 0;
  }

  /** Where the address is that the `i`th datagram came from. */
  nameAt(i: number): number {
    return this.#namesAt + i * nameBytes;
  }

  nameLength(i: number): number {
    return this.words[(i * headerBytes + nameLengthField) >> 2] ?? 0;
  }

  /** Where the header of the `i`th datagram to send is. */
  sendHeaderAt(i: number): number {
    return this.#sendHeadersAt + i * headerBytes;
  }

  /** Makes `message`, for the `to`th name, the `i`th datagram to send; `false` when it is too long. */
  place(i: number, to: number, nameLength: number, message: Uint8Array): boolean {
    if (message.length > sendBytes) return false;
    const { words } = this;
    this.bytes.set(message, this.#sendDataAt + i * sendBytes);
    words[((this.#sendVectorsAt + i * vectorBytes + 8) >> 2) + lowHalf] = message.length;
    const header = this.sendHeaderAt(i) >> 2;
    words[header] = this.#namePointers[2 * to] ?? 0;
    words[header + 1] = this.#namePointers[2 * to + 1] ?? 0;
    words[header + (nameLengthField >> 2)] = nameLength;
    return true;
  }
}
