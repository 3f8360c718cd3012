import { messageOf, pause, sameJson } from "../../core/index.ts";
import type { Clock, Logger } from "../../core/index.ts";
import { isConflict, isNotFound, objectKey, resources } from "../../objects/index.ts";
import type { ClusterApi, Pod, PodStatus } from "../../objects/index.ts";

/** What a status writer needs. `current` is the newest known version of the pod, undefined when it is gone. */
export interface StatusWriterOptions {
  readonly api: ClusterApi;
  readonly clock: Clock;
  readonly log: Logger;
  readonly current: () => Pod | undefined;
  /** The status that the pod shall have, computed for this version of it; undefined while there is none. */
  readonly wanted: (pod: Pod) => PodStatus | undefined;
}

const retryMs = 200;

/** Brings one pod's status to the API: one write at a time, none when nothing changed, again until it is there. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  #running = false;
  #again = false;
  #stopped = false;
  #written: Pod | undefined;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  /** Something changed: compare, and write if need be. */
  update(): void {
    this.#again = true;
    if (!this.#running && !this.#stopped) void this.#run();
  }

  stop(): void {
    this.#stopped = true;
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#again && !this.#stopped) {
      this.#again = false;
      const pod = this.#newest();
      const status = pod === undefined ? undefined : this.#options.wanted(pod);
      if (pod === undefined || status === undefined) continue;
      if (sameJson(status, pod.status ?? {})) continue;
      try {
        this.#written = await this.#options.api.updateStatus(resources.pods, { ...pod, status });
      } catch (error) {
        if (isNotFound(error)) break;
        this.#again = true;
        await this.#afterFailure(pod, error);
      }
    }
    this.#running = false;
  }

  /** The cache may lag behind our own write: that one counts until the cache has caught up. */
  #newest(): Pod | undefined {
    const cached = this.#options.current();
    const written = this.#written;
    if (cached === undefined || written === undefined || cached.metadata.uid !== written.metadata.uid) return cached;
    const [cachedVersion, writtenVersion] = [cached, written].map((pod) => Number(pod.metadata.resourceVersion ?? 0));
    return (writtenVersion ?? 0) > (cachedVersion ?? 0) ? written : cached;
  }

  async #afterFailure(pod: Pod, error: unknown): Promise<void> {
    const { api, clock, log } = this.#options;
    const { namespace, name, uid } = pod.metadata;
    if (isConflict(error)) {
      try {
        const fresh = await api.get(resources.pods, namespace, name);
        if (fresh.metadata.uid === uid) this.#written = fresh;
        else this.#stopped = true;
        return;
      } catch (again) {
        if (isNotFound(again)) {
          this.#stopped = true;
          return;
        }
      }
    } else {
      log.warn("pod status not written, will retry", { pod: objectKey(pod), reason: messageOf(error) });
    }
    await pause(clock, retryMs);
  }
}
