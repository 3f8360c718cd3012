/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash of 8 bytes, short inputs at little cost. For proofs that
 * expire, as DNS cookies are; no replacement for HMAC. Throws `RangeError` unless `key` has 16 bytes.
 */
export function sipHash24(key: Uint8Array, message: Uint8Array): Uint8Array {
  if (key.length !== 16) throw new RangeError(`A key has 16 bytes, not ${key.length}`);
  const k = [0, 4, 8, 12].map((at) => u32(key, at));
  const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = k;
  // Four words of 64 bits, the lower half first.
  const v = Uint32Array.of(
    k0 ^ 0x70736575,
    k1 ^ 0x736f6d65,
    k2 ^ 0x6e646f6d,
    k3 ^ 0x646f7261,
    k0 ^ 0x6e657261,
    k1 ^ 0x6c796765,
    k2 ^ 0x79746573,
    k3 ^ 0x74656462,
  );
  // The message, zeros up to a multiple of eight, and its length modulo 256 as the very last byte.
  const padded = new Uint8Array((message.length & ~7) + 8);
  padded.set(message);
  padded[padded.length - 1] = message.length;
  for (let at = 0; at < padded.length; at += 8) {
    const low = u32(padded, at);
    const high = u32(padded, at + 4);
    xor(v, 6, low, high);
    rounds(v, 2);
    xor(v, 0, low, high);
  }
  xor(v, 4, 0xff, 0);
  rounds(v, 4);
  const hash = new Uint8Array(8);
  for (let i = 0; i < 2; i++) {
    const half = ((v[i] ?? 0) ^ (v[2 + i] ?? 0) ^ (v[4 + i] ?? 0) ^ (v[6 + i] ?? 0)) >>> 0;
    for (let j = 0; j < 4; j++) hash[4 * i + j] = half >>> (8 * j);
  }
  return hash;
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}

function rounds(v: Uint32Array, count: number): void {
  for (let i = 0; i < count; i++) {
    add(v, 0, 2);
    rotate(v, 2, 13);
    mix(v, 2, 0);
    rotate(v, 0, 32);
    add(v, 4, 6);
    rotate(v, 6, 16);
    mix(v, 6, 4);
    add(v, 0, 6);
    rotate(v, 6, 21);
    mix(v, 6, 0);
    add(v, 4, 2);
    rotate(v, 2, 17);
    mix(v, 2, 4);
    rotate(v, 4, 32);
  }
}

/** Adds the word at `b` to the word at `a`. */
function add(v: Uint32Array, a: number, b: number): void {
  const low = (v[a] ?? 0) + (v[b] ?? 0);
  v[a] = low;
  v[a + 1] = (v[a + 1] ?? 0) + (v[b + 1] ?? 0) + (low > 0xffff_ffff ? 1 : 0);
}

function mix(v: Uint32Array, a: number, b: number): void {
  xor(v, a, v[b] ?? 0, v[b + 1] ?? 0);
}

function xor(v: Uint32Array, a: number, low: number, high: number): void {
  v[a] = (v[a] ?? 0) ^ low;
  v[a + 1] = (v[a + 1] ?? 0) ^ high;
}

/** Rotates a word left by 1 to 32 bits. */
function rotate(v: Uint32Array, a: number, bits: number): void {
  const low = v[a] ?? 0;
  const high = v[a + 1] ?? 0;
  v[a] = bits === 32 ? high : (low << bits) | (high >>> (32 - bits));
  v[a + 1] = bits === 32 ? low : (high << bits) | (low >>> (32 - bits));
}
