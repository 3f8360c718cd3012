import { getHeapSpaceStatistics, getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** How much may come together before it is looked at, in bytes, and by how much of what is in use. */
const leastGarbage = 24 * 1024 * 1024;
const garbageShare = 0.5;
const lookEveryMs = 20;
/** The room for new objects: a server's die at once, so that more of it, up to 48 MB, is only more memory. */
const enoughForNew = 8 * 1024 * 1024;
/** By how many percent of what is kept the garbage of a server that has its names may grow. V8 takes a multiple of that. */
const garbagePercentLater = 20;

/**
 * Collects garbage while a cluster's objects are read and once when they are there. Reading leaves a multiple of what is kept,
 * and V8 by itself lets a quarter of a gigabyte come together first, of which a process that then only answers never gives
 * anything back.
 */
export function collectWhileLoading(loaded: Promise<unknown>): void {
  const collect = collector();
  if (collect === undefined) return;
  let inUse = getHeapStatistics().used_heap_size;
  let mayGrow = true;
  const timer = setInterval(() => {
    if (mayGrow && sizeOfNewSpace() >= enoughForNew) {
      setFlagsFromString("--semi-space-growth-factor=1");
      mayGrow = false;
    }
    const now = getHeapStatistics().used_heap_size;
    if (now - inUse < Math.max(leastGarbage, inUse * garbageShare)) return;
    collect();
    inUse = getHeapStatistics().used_heap_size;
  }, lookEveryMs);
  timer.unref();
  const end = (): void => {
    clearInterval(timer);
    setFlagsFromString(`--heap-growing-percent=${garbagePercentLater}`);
    collect();
  };
  // Whoever waits for the names comes first.
  const later = (): void => void setImmediate(end);
  void loaded.then(later, later);
}

function sizeOfNewSpace(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === "new_space")?.space_size ?? 0;
}

/** V8's collector, which is there only in contexts that are made while the flag is set. */
function collector(): (() => void) | undefined {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return typeof collect === "function" ? () => void Reflect.apply(collect, undefined, []) : undefined;
}
