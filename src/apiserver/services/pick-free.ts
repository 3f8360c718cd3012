import type { Random } from "../../core/index.ts";

/** A range of numbers 0..size-1 whose lower part is kept for explicit requests as long as possible (KEP-3070, KEP-3668). */
export interface Band {
  readonly size: number;
  /** Numbers below are used dynamically only when all others are taken. */
  readonly reserved: number;
}

/** The band of a Service network with `size` usable addresses. */
export function addressBand(size: number): Band {
  return { size, reserved: size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 16)), 256) };
}

/** The band of a node port range. */
export function portBand(size: number): Band {
  return { size, reserved: size <= 16 ? 0 : Math.min(Math.max(16, Math.floor(size / 32)), 128) };
}

/** A free number: from a random start through the upper part, then through the reserved part; undefined when full. */
export function pickFree(band: Band, isTaken: (number: number) => boolean, random: Random): number | undefined {
  const upper = band.size - band.reserved;
  return scan(band.reserved, upper, isTaken, random) ?? scan(0, band.reserved, isTaken, random);
}

function scan(first: number, count: number, isTaken: (number: number) => boolean, random: Random): number | undefined {
  const start = Math.floor(random() * count);
  for (let i = 0; i < count; i++) {
    const number = first + ((start + i) % count);
    if (!isTaken(number)) return number;
  }
  return undefined;
}
