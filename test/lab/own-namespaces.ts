import { readlinkSync } from "node:fs";
import { createRequire } from "node:module";
import type koffiTypes from "koffi";
import { enterLab } from "../../src/lab/index.ts";

const mountFlag = 0x2_0000;
const networkFlag = 0x4000_0000;
const recursivelyPrivate = 0x4_4000;

/**
 * Puts the test's process where a supervisor is: in a mount and a network namespace of its own, with a private /run.
 * Everything that the test builds there goes with the process (vitest gives each file one). Needs root, or
 * `unshare -Urn`; throws with the reason where that is missing.
 */
export function enterOwnNamespaces(): void {
  const koffi = createRequire(import.meta.url)("koffi") as typeof koffiTypes;
  const library = koffi.load(null);
  const unshare = library.func("int unshare(int)") as (flags: number) => number;
  const mount = library.func("int mount(const char *, const char *, const char *, unsigned long, void *)") as (
    source: string,
    target: string,
    type: null,
    flags: number,
    data: null,
  ) => number;
  if (unshare(mountFlag | networkFlag) !== 0 || mount("none", "/", null, recursivelyPrivate, null) !== 0) {
    throw new Error("Kernel tests need root or `unshare -Urn`: this process may not make namespaces");
  }
  enterLab();
}

/** The network namespace of the main thread, as the kernel names it. */
export function networkNamespace(): string {
  return readlinkSync("/proc/thread-self/ns/net");
}

/** Waits until `check` gives something; throws after `timeoutMs`, with the last error if there was one. */
export async function until<T>(
  what: string,
  check: () => T | undefined | Promise<T | undefined>,
  timeoutMs = 5000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await check();
      if (value !== undefined && value !== false) return value;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) throw new Error(`Not within ${timeoutMs} ms: ${what}`, { cause: last });
    await new Promise((resolve) => void setTimeout(resolve, 10));
  }
}
