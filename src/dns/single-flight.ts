interface Flight<T> {
  readonly result: Promise<T>;
  waiting: number;
}

/** Does the same thing once at a time: whoever wants it meanwhile waits for the first one's result. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();
  readonly #maxWaiting: number;
  #waiting = 0;

  /** `maxWaiting` is how many may wait for one result. */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Things being done. */
  get size(): number {
    return this.#flights.size;
  }

  /** Those who wait for a result. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The result of what is being done already, `"crowded"` when too many wait for it, `undefined` when nothing is. */
  join(key: string): Promise<T> | "crowded" | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined) return undefined;
    if (flight.waiting >= this.#maxWaiting) return "crowded";
    flight.waiting++;
    this.#waiting++;
    return flight.result;
  }

  /** Lets others wait for `result` until it is there. Gives it back. */
  start(key: string, result: Promise<T>): Promise<T> {
    const flight: Flight<T> = { result, waiting: 1 };
    this.#waiting++;
    this.#flights.set(key, flight);
    const end = () => {
      this.#flights.delete(key);
      this.#waiting -= flight.waiting;
    };
    result.then(end, end);
    return result;
  }
}
