/** Size of the first batch. */
const first = 8;

/**
 * Runs `task` `count` times, in parallel batches that double: when the API refuses (a quota, a webhook), a few
 * requests fail instead of a thousand. Rejects with the first failure after its batch; later batches are not begun.
 */
export async function inGrowingBatches(count: number, task: (index: number) => Promise<void>): Promise<void> {
  for (let done = 0, size = first; done < count; done += size, size *= 2) {
    const batch = Array.from({ length: Math.min(size, count - done) }, (_, index) => task(done + index));
    const failed = (await Promise.allSettled(batch)).find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }
}
