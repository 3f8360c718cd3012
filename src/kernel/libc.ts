import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";
import type koffiTypes from "koffi";
import { CodedError } from "../core/index.ts";

type Koffi = typeof koffiTypes;
type KoffiCall = ReturnType<ReturnType<Koffi["load"]>["func"]>;

/** `send`, also from another thread: `bytes` must stay as they are until `done` is called. */
export interface SendCall {
  (fd: number, bytes: Uint8Array, length: number, flags: number): number;
  async(
    fd: number,
    bytes: Uint8Array,
    length: number,
    flags: number,
    done: (error: Error | null, result: number) => void,
  ): void;
}

/** The few calls of the C library that Node does not offer. All return -1 on failure. */
export interface Libc {
  readonly setns: (fd: number, type: number) => number;
  readonly unshare: (flags: number) => number;
  readonly mount: (
    source: string | null,
    target: string,
    type: string | null,
    flags: number,
    data: string | null,
  ) => number;
  readonly umount2: (target: string, flags: number) => number;
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly socketpair: (domain: number, type: number, protocol: number, pair: number[]) => number;
  readonly bind: (fd: number, address: Uint8Array, length: number) => number;
  readonly getsockname: (fd: number, address: Uint8Array, length: Uint8Array) => number;
  readonly dup3: (from: number, to: number, flags: number) => number;
  readonly close: (fd: number) => number;
  readonly send: SendCall;
  readonly recv: (fd: number, bytes: Uint8Array, length: number, flags: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: number) => number;
  readonly getsockopt: (fd: number, level: number, name: number, value: Uint8Array, length: Uint8Array) => number;
  /** A lock on an open file; `operation` as in flock(2). */
  readonly flock: (fd: number, operation: number) => number;
  /** Memory outside of JavaScript's heap; gives back its address. */
  readonly mmap: (address: null, length: number, protection: number, flags: number, fd: number, at: number) => bigint;
  readonly mremap: (address: bigint, from: number, to: number, flags: number) => bigint;
  readonly munmap: (address: bigint, length: number) => number;
  readonly madvise: (address: bigint, length: number, advice: number) => number;
  /** The memory at an address, as it is: not to be used any more when it is given back. */
  readonly memoryAt: (address: bigint, length: number) => ArrayBuffer;
  /** Socket options in another thread, where `value` and `length` are addresses. Give back 0, or the number of the error. */
  readonly getsockoptAsync: AsyncSocketOption<bigint>;
  readonly setsockoptAsync: AsyncSocketOption<number>;
  readonly if_nametoindex: (name: string) => number;
  /** Gives a pointer, or null on failure. */
  readonly if_indextoname: (index: number, name: Uint8Array) => unknown;
  /** `errno` of the last call that failed. */
  readonly errno: () => number;
}

/** `length` of an option that is asked for is the address of 4 bytes. */
export type AsyncSocketOption<L> = (
  fd: number,
  level: number,
  name: number,
  value: bigint,
  length: L,
) => Promise<number>;

let loaded: Libc | undefined;

/** The C library, bound on first use: importing this module costs nothing. */
export function libc(): Libc {
  loaded ??= bind(createRequire(import.meta.url)("koffi") as Koffi);
  return loaded;
}

function bind(koffi: Koffi): Libc {
  const library = koffi.load(null);
  const call = (signature: string) => library.func(signature) as unknown;
  return {
    setns: call("int setns(int, int)"),
    unshare: call("int unshare(int)"),
    mount: call("int mount(const char *, const char *, const char *, unsigned long, const char *)"),
    umount2: call("int umount2(const char *, int)"),
    socket: call("int socket(int, int, int)"),
    socketpair: call("int socketpair(int, int, int, _Out_ int *)"),
    bind: call("int bind(int, const uint8_t *, unsigned int)"),
    getsockname: call("int getsockname(int, _Out_ uint8_t *, _Inout_ uint8_t *)"),
    dup3: call("int dup3(int, int, int)"),
    close: call("int close(int)"),
    send: call("long send(int, const uint8_t *, size_t, int)"),
    recv: call("long recv(int, _Out_ uint8_t *, size_t, int)"),
    setsockopt: call("int setsockopt(int, int, int, const uint8_t *, unsigned int)"),
    getsockopt: call("int getsockopt(int, int, int, _Inout_ uint8_t *, _Inout_ uint8_t *)"),
    flock: call("int flock(int, int)"),
    mmap: call("void *mmap(void *, size_t, int, int, int, long)"),
    mremap: call("void *mremap(void *, size_t, size_t, int)"),
    munmap: call("int munmap(void *, size_t)"),
    madvise: call("int madvise(void *, size_t, int)"),
    memoryAt: (address: bigint, length: number) => koffi.view(address, length),
    getsockoptAsync: inThread(koffi, library.func("int getsockopt(int, int, int, void *, void *)")),
    setsockoptAsync: inThread(koffi, library.func("int setsockopt(int, int, int, void *, unsigned int)")),
    if_nametoindex: call("unsigned int if_nametoindex(const char *)"),
    if_indextoname: call("void *if_indextoname(unsigned int, _Out_ uint8_t *)"),
    errno: () => koffi.errno(),
  } as Libc;
}

/** Calls for many datagrams, whose headers lie at an address, which is a number here. Give -1 on failure. */
export interface DatagramCalls {
  readonly recvmmsg: (fd: number, headers: number, count: number, flags: number, timeout: number) => number;
  readonly sendmmsg: (fd: number, headers: number, count: number, flags: number) => number;
  /** `errno` of the last call that failed. */
  readonly errno: () => number;
}

/** Undefined where the C library lacks one of them, or pointers have not 64 bits. */
export function datagramCalls(): DatagramCalls | undefined {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    if (process.platform !== "linux" || koffi.sizeof("void *") !== 8) return undefined;
    const library = koffi.load(null);
    const call = (signature: string) => library.func(signature) as unknown;
    return {
      recvmmsg: call("int recvmmsg(int, uint64_t, unsigned int, int, uint64_t)"),
      sendmmsg: call("int sendmmsg(int, uint64_t, unsigned int, int)"),
      errno: () => koffi.errno(),
    } as DatagramCalls;
  } catch {
    return undefined;
  }
}

/** Calls it in a thread of the pool. Koffi keeps the error number of the call for the callback. */
function inThread(koffi: Koffi, call: KoffiCall): (...args: unknown[]) => Promise<number> {
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => {
        if (error !== null) reject(error);
        else resolve(result < 0 ? koffi.errno() : 0);
      });
    });
}

/** A call into the kernel that failed. `code` is the name of the error number (`EPERM`, `EEXIST`, ...). */
export class KernelError extends CodedError {
  /** What was tried, as a command line would say it. */
  readonly action: string;

  constructor(action: string, errno: number, detail?: string) {
    const name = errno === 0 ? "EUNKNOWN" : getSystemErrorName(-errno);
    super(name, `${action}: ${detail ?? errorText(name)} (${name})`);
    this.action = action;
  }
}

/** Throws `KernelError` when a call returned -1; gives back its result otherwise. */
export function checked(action: string, result: number): number {
  if (result < 0) throw new KernelError(action, libc().errno());
  return result;
}

const errorTexts: Readonly<Record<string, string>> = {
  EPERM: "the kernel does not permit it",
  EACCES: "permission denied",
  EEXIST: "it exists already",
  ENOENT: "it does not exist",
  ENODEV: "there is no such link",
  ENETUNREACH: "the network is unreachable",
  ENOSPC: "a limit of the kernel is reached",
  EINVAL: "the kernel refuses the arguments",
  EOPNOTSUPP: "the kernel does not support it",
};

function errorText(name: string): string {
  return errorTexts[name] ?? "the call failed";
}
