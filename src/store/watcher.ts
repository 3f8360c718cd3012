import type { KubeObject, WatchEvent } from "../objects/index.ts";
import { atVersion } from "./change.ts";
import type { Change } from "./change.ts";

/** Who receives the events of a store watch; `closed` is called once, unless the receiver closed the watch itself. */
export interface WatchReceiver {
  event(event: WatchEvent<KubeObject>): void;
  closed(error: Error | undefined): void;
}

/** What a watch shows. */
export interface WatchFilter {
  readonly namespace?: string | undefined;
  readonly matches?: ((object: KubeObject) => boolean) | undefined;
}

/** One watch on one table: turns changes into the events that somebody sees who looks through a filter. */
export class Watcher {
  readonly #filter: WatchFilter;
  readonly #receiver: WatchReceiver;
  #position: number;
  #open = true;

  constructor(filter: WatchFilter, receiver: WatchReceiver, position: number) {
    this.#filter = filter;
    this.#receiver = receiver;
    this.#position = position;
  }

  get open(): boolean {
    return this.#open;
  }

  /** Shows a change that is newer than all before; older ones the watcher has seen already. */
  follow(change: Change): void {
    if (change.version <= this.#position) return;
    this.#position = change.version;
    this.show(change);
  }

  /** Shows a change whatever its version. */
  show(change: Change): void {
    if (this.#filter.namespace !== undefined && this.#filter.namespace !== change.namespace) return;
    const event = translate(change, this.#filter.matches);
    if (event !== undefined) this.send(event);
  }

  send(event: WatchEvent<KubeObject>): void {
    if (!this.#open) return;
    try {
      this.#receiver.event(event);
    } catch (error) {
      this.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Ends the watch and tells the receiver. */
  close(error: Error | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#receiver.closed(error);
  }

  /** Ends the watch without a word: the receiver asked for it. */
  stop(): void {
    this.#open = false;
  }
}

/** What a change looks like through a selector: an object that leaves the selection is DELETED, one that enters ADDED. */
export function translate(
  change: Change,
  matches: ((object: KubeObject) => boolean) | undefined,
): WatchEvent<KubeObject> | undefined {
  const { now, before } = change;
  const seen = before !== undefined && matches?.(before) !== false;
  const visible = now !== undefined && matches?.(now) !== false;
  if (visible) return { type: seen ? "MODIFIED" : "ADDED", object: now };
  return seen ? { type: "DELETED", object: atVersion(before, change.version) } : undefined;
}
