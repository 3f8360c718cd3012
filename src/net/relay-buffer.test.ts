import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { bufferedReading } from "./relay-buffer.ts";

/** A reading whose bytes go to a socket that takes them at once, or keeps them waiting. */
function readingInto(isStuck: boolean) {
  const to = new Socket();
  const taken: Uint8Array[] = [];
  to.write = (bytes: Uint8Array | string): boolean => {
    taken.push(bytes as Uint8Array);
    return !isStuck;
  };
  Object.defineProperty(to, "writableLength", { get: () => (isStuck ? 1 : 0) });
  const reading = bufferedReading();
  let counted = 0;
  reading.start(new Socket(), to, (bytes) => (counted += bytes));
  const read = (length: number): boolean => {
    const bytes = reading.onread.buffer();
    bytes.fill(taken.length + 1, 0, length);
    return reading.onread.callback(length, bytes);
  };
  return { reading, read, taken, counted: () => counted };
}

describe("bufferedReading()", () => {
  it("reads into one buffer as long as the bytes are taken at once", () => {
    const { reading, read, counted } = readingInto(false);
    const buffer = reading.onread.buffer();
    for (let i = 0; i < 5; i++) expect(read(1000)).toBe(true);
    expect(reading.onread.buffer()).toBe(buffer);
    expect(counted()).toBe(5000);
  });

  it("never overwrites what waits to be sent", () => {
    const { read, taken } = readingInto(true);
    for (let i = 0; i < 5; i++) expect(read(1000)).toBe(false);
    expect(taken.map((bytes) => bytes[999])).toEqual([1, 2, 3, 4, 5]);
  });

  it("takes bigger buffers while reads fill them, up to 256 KiB, and smaller ones when they do not", () => {
    const { reading, read } = readingInto(false);
    const size = () => reading.onread.buffer().length;
    const sizes: number[] = [];
    for (let i = 0; i < 6; i++) {
      sizes.push(size() / 1024);
      read(size());
    }
    expect(sizes).toEqual([16, 32, 64, 128, 256, 256]);
    for (let i = 0; i < 200; i++) read(100);
    expect(size()).toBe(16 * 1024);
  });
});
