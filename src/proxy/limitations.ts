import type { EventRecorder, Service } from "../objects/index.ts";
import type { Refusal } from "./engine.ts";

/** Services that are served otherwise than they ask for; each is told so by an Event when it becomes so. */
export class Limitations {
  readonly #nodeName: string;
  readonly #recorder: EventRecorder | undefined;
  readonly #reasons = new Map<string, string>();

  constructor(nodeName: string, recorder: EventRecorder | undefined) {
    this.#nodeName = nodeName;
    this.#recorder = recorder;
  }

  /** Replaces what is known of a Service by these sentences; none when all is as it asks. */
  note(key: string, sentences: readonly string[], service: () => Service | undefined): void {
    if (sentences.length === 0) return void this.#reasons.delete(key);
    const reason = [...new Set(sentences)].join("; ");
    if (reason === this.#reasons.get(key)) return;
    this.#reasons.set(key, reason);
    const object = service();
    if (object === undefined) return;
    this.#recorder?.record(object, "Warning", "ServiceLimited", `on ${this.#nodeName}: ${reason}`);
  }

  /** Forgets everything: another engine has other limits. */
  clear(): void {
    this.#reasons.clear();
  }

  list(): readonly Refusal[] {
    return [...this.#reasons].map(([service, reason]) => ({ service, reason }));
  }
}
