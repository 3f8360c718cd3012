const newline = 0x0a;

/**
 * Cuts a stream of bytes into lines. Bytes of an unfinished line are kept as they came and joined once, so that a
 * large object that arrives in many chunks costs no repeated copying.
 */
export class LineSplitter {
  #pending: Uint8Array[] = [];

  /** Calls `line` with the text of each line that `chunk` completes, without the line feed; skips empty lines. */
  push(chunk: Uint8Array, line: (text: string) => void): void {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      const text = this.#take(chunk.subarray(start, end));
      start = end + 1;
      if (text !== "") line(text);
    }
    if (start < chunk.length) this.#pending.push(chunk.subarray(start));
  }

  /** The unfinished line at the end of the stream; empty when there is none. */
  rest(): string {
    return this.#take(new Uint8Array(0));
  }

  #take(last: Uint8Array): string {
    if (this.#pending.length === 0) return Buffer.from(last.buffer, last.byteOffset, last.length).toString("utf8");
    const joined = Buffer.concat([...this.#pending, last]);
    this.#pending = [];
    return joined.toString("utf8");
  }
}
