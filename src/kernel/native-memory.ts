import { checked, KernelError, libc } from "./libc.ts";

/**
 * Memory outside of JavaScript's heap, which does not move by itself: its address is for calls of the C library. It has zeros until something
 * is written; pages that nobody has touched take no memory. What it takes is the system's again after `clear`; its place is kept,
 * because every new place makes V8 collect garbage at once, as if the heap had grown by so much.
 */
export class NativeMemory {
  #address: bigint;
  #length: number;
  #bytes: Uint8Array;

  /** Throws `KernelError` when there is not so much memory. */
  constructor(length: number) {
    this.#length = wholePages(length);
    this.#address = libc().mmap(null, this.#length, readAndWrite, privateAndEmpty, -1, 0);
    if (isFailed(this.#address)) throw new KernelError(`allocate ${this.#length} bytes`, libc().errno());
    this.#bytes = this.#view();
  }

  /** Another object after `grow`, which makes the former one invalid. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get address(): bigint {
    return this.#address;
  }

  /** Makes it at least so long; it may have another address then. Throws `KernelError` when there is not so much memory. */
  grow(length: number): void {
    if (length <= this.#length) return;
    // Room for what a table usually grows by, so that the next change need not do this again.
    const whole = wholePages(length + length / 16);
    const address = libc().mremap(this.#address, this.#length, whole, mayMove);
    if (isFailed(address)) throw new KernelError(`allocate ${whole} bytes`, libc().errno());
    this.#address = address;
    this.#length = whole;
    // Asked for, not needed: touching it for the first time is then a third of the work.
    libc().madvise(this.#address, this.#length, inHugePages);
    this.#bytes = this.#view();
  }

  /** Forgets everything: it has zeros again, and takes no memory. */
  clear(): void {
    checked("give memory back", libc().madvise(this.#address, this.#length, notNeeded));
  }

  /** Ends it; nobody may use `bytes` any more. */
  free(): void {
    this.#bytes = new Uint8Array(0);
    checked("free memory", libc().munmap(this.#address, this.#length));
    this.#length = 0;
  }

  #view(): Uint8Array {
    return new Uint8Array(libc().memoryAt(this.#address, this.#length));
  }
}

// sys/mman.h
const readAndWrite = 3;
const privateAndEmpty = 0x22;
const mayMove = 1;
const notNeeded = 4;
const inHugePages = 14;
const pageSize = 1 << 16;

function wholePages(length: number): number {
  return Math.max(1, Math.ceil(length / pageSize)) * pageSize;
}

function isFailed(address: bigint): boolean {
  return address === 0xffff_ffff_ffff_ffffn || address === -1n;
}
