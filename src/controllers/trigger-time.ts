import type { Pod, Service } from "../objects/index.ts";
import { findCondition } from "./conditions.ts";

/** The annotation that says when the change happened that endpoints were written for. */
export const triggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

interface Seen {
  readonly service: string | undefined;
  readonly pods: ReadonlyMap<string, string>;
}

/** Remembers what each Service's pods looked like, to find the earliest change since the last write. */
export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** The time of the earliest change since the last call; undefined when nothing changed that has a time. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const last = this.#seen.get(key);
    const times = new Map<string, string>();
    let earliest: string | undefined;
    const consider = (time: string): void => {
      if (earliest === undefined || time < earliest) earliest = time;
    };
    for (const pod of pods) {
      const time = findCondition(pod.status?.conditions, "Ready")?.lastTransitionTime;
      if (time === undefined) continue;
      const uid = pod.metadata.uid ?? pod.metadata.name;
      times.set(uid, time);
      if (last?.pods.get(uid) !== time) consider(time);
    }
    const created = service.metadata.creationTimestamp;
    if (created !== undefined && last?.service !== created) consider(created);
    this.#seen.set(key, { service: created, pods: times });
    return earliest;
  }

  forget(key: string): void {
    this.#seen.delete(key);
  }
}
