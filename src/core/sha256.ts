// FIPS 180-4: the first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of the first 8.
const primes = firstPrimes(64);
const roundConstants = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const startState = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));

const schedule = new Int32Array(64);
const state = new Int32Array(8);
const encoder = new TextEncoder();
/** The message of the call that goes on: names are hashed by the ten thousand. */
let padded = new Uint8Array(512);

/** SHA-256 of the UTF-8 bytes of `text`: 32 bytes. For names that others compute the same way, not for secrets. */
export function sha256(text: string): Uint8Array {
  // UTF-8 has at most three bytes for a unit of a string.
  if (text.length * 3 + 72 > padded.length) padded = new Uint8Array(text.length * 6 + 128);
  const length = encoded(text);
  // The message, a one bit, zeros, and the length in bits as 64-bit number fill whole blocks of 64 bytes.
  const end = (((length + 8) >> 6) + 1) << 6;
  padded.fill(0, length, end);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(end - 4, length << 3);
  view.setUint32(end - 8, Math.floor(length / 2 ** 29));
  state.set(startState);
  for (let offset = 0; offset < end; offset += 64) addBlock(view, offset);
  const digest = new DataView(new ArrayBuffer(32));
  for (let i = 0; i < 8; i++) digest.setInt32(4 * i, word(state, i));
  return new Uint8Array(digest.buffer);
}

/** Writes the text into `padded`; gives back its length in bytes. */
function encoded(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) {
      const bytes = encoder.encode(text);
      padded.set(bytes);
      return bytes.length;
    }
    padded[i] = code;
  }
  return text.length;
}

function addBlock(view: DataView, offset: number): void {
  for (let i = 0; i < 16; i++) schedule[i] = view.getInt32(offset + 4 * i);
  for (let i = 16; i < 64; i++) {
    const near = word(schedule, i - 2);
    const far = word(schedule, i - 15);
    const s0 = ((far >>> 7) | (far << 25)) ^ ((far >>> 18) | (far << 14)) ^ (far >>> 3);
    const s1 = ((near >>> 17) | (near << 15)) ^ ((near >>> 19) | (near << 13)) ^ (near >>> 10);
    schedule[i] = (word(schedule, i - 16) + s0 + word(schedule, i - 7) + s1) | 0;
  }
  let a = word(state, 0);
  let b = word(state, 1);
  let c = word(state, 2);
  let d = word(state, 3);
  let e = word(state, 4);
  let f = word(state, 5);
  let g = word(state, 6);
  let h = word(state, 7);
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + s1 + choice + word(roundConstants, i) + word(schedule, i)) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const t2 = (s0 + majority) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0] = word(state, 0) + a;
  state[1] = word(state, 1) + b;
  state[2] = word(state, 2) + c;
  state[3] = word(state, 3) + d;
  state[4] = word(state, 4) + e;
  state[5] = word(state, 5) + f;
  state[6] = word(state, 6) + g;
  state[7] = word(state, 7) + h;
}

function word(words: Int32Array, index: number): number {
  return words[index] ?? 0;
}

function fraction(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

function firstPrimes(count: number): readonly number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) {
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  }
  return found;
}
