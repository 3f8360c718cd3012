import { closeSync, openSync, rmSync, writeFileSync } from "node:fs";
import { checked, libc } from "./libc.ts";
import { bindMount, unmount } from "./mount.ts";

const networkFlag = 0x4000_0000;
const here = "/proc/thread-self/ns/net";

/**
 * Runs `run` with the main thread in the network namespace at `namespace` (a path such as `/run/netns/node-1`, or an
 * open descriptor), and returns its result. Sockets made, files of `/proc/sys/net` opened and processes started inside
 * belong to that namespace and stay there. `run` must do its work synchronously: after the return the thread is back.
 * Throws `KernelError` when there is no such namespace or no right to enter it, and whatever `run` throws.
 */
export function inNamespace<T>(namespace: string | number, run: () => T): T {
  const back = openSync(here, "r");
  try {
    enter(namespace);
    let result: T;
    try {
      result = run();
    } finally {
      // A thread that cannot come back would serve everything else from the wrong network: better to stop.
      if (libc().setns(back, networkFlag) < 0) process.abort();
    }
    if (result instanceof Promise) throw new TypeError("inNamespace() takes a synchronous function only");
    return result;
  } finally {
    closeSync(back);
  }
}

/**
 * Takes the main thread into a network namespace for good: sockets and processes that it makes from now on belong there. Other threads of
 * the process stay, so only for processes whose other threads use no network.
 */
export function enterNamespace(namespace: string): void {
  enter(namespace);
}

function enter(namespace: string | number): void {
  if (typeof namespace === "number") {
    checked(`enter network namespace ${namespace}`, libc().setns(namespace, networkFlag));
    return;
  }
  const fd = openSync(namespace, "r");
  try {
    checked(`enter network namespace ${namespace}`, libc().setns(fd, networkFlag));
  } finally {
    closeSync(fd);
  }
}

/**
 * Makes an empty network namespace that lives at `path` until `removeNamespace` (like `ip netns add`), and runs
 * `setUp` inside it. When `setUp` throws, nothing is left.
 */
export function createNamespace(path: string, setUp: () => void = () => undefined): void {
  const back = openSync(here, "r");
  try {
    writeFileSync(path, "", { flag: "wx", mode: 0o444 });
    try {
      checked(`ip netns add ${path}`, libc().unshare(networkFlag));
      try {
        bindMount(here, path);
        setUp();
      } finally {
        if (libc().setns(back, networkFlag) < 0) process.abort();
      }
    } catch (error) {
      removeNamespace(path);
      throw error;
    }
  } finally {
    closeSync(back);
  }
}

/** Removes a namespace made by `createNamespace`. It ends for good when the last socket and process in it ends. */
export function removeNamespace(path: string): void {
  try {
    unmount(path);
  } catch {
    // Nothing is mounted there: only the file is left to remove.
  }
  rmSync(path, { force: true });
}
