/** The kinds of chains of Services, in alphabetical order. */
const kinds = ["KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-", "KUBE-SVC-", "KUBE-SVL-", "KUBE-XLB-"] as const;
/** The letters of the hashes in the order of ASCII, so that numbers have the order of names. */
const letters = "234567ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const noLetter = 255;
/** By the code of a letter. */
const ranks = Uint8Array.from({ length: 128 }, (_, code) => letters.indexOf(String.fromCharCode(code)) & noLetter);
/** A hash has 16 letters of 5 bits; the first number has the kind and so many of them. */
const firstLetters = 10;
const hashLetters = 16;

/**
 * Numbers chains from 0 on, and says their order. The names of chains of Services, of which there are hundreds of thousands, are
 * kept as two numbers each: a tenth of what strings take, and quicker to look up.
 */
export class ChainNumbers {
  readonly #others = new Map<string, number>();
  #first = new Float64Array(1024);
  #second = new Uint32Array(1024);
  /** Numbers of chains of Services, and 0 for a free place; the number itself is one less. A power of two of places. */
  #places = new Uint32Array(4096);
  #count = 0;
  /** Of the chain that was looked for last. */
  #lookedFirst = 0;
  #lookedSecond = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of a chain; `undefined` for one that was not added. */
  get(chain: string): number | undefined {
    if (!this.#look(chain)) return this.#others.get(chain);
    const found = this.#places[this.#place()] ?? 0;
    return found === 0 ? undefined : found - 1;
  }

  /** Gives a chain a number that was not added yet. */
  add(chain: string): number {
    const number = this.#count++;
    if (!this.#look(chain)) {
      this.#others.set(chain, number);
      return number;
    }
    if (number >= this.#first.length) this.#grow();
    this.#first[number] = this.#lookedFirst;
    this.#second[number] = this.#lookedSecond;
    if (this.#count * 2 > this.#places.length) this.#spread();
    else this.#places[this.#place()] = number + 1;
    return number;
  }

  /** The name of a chain with this number. */
  name(number: number): string {
    const first = this.#first[number] ?? 0;
    if (first === 0) return [...this.#others].find(([, one]) => one === number)?.[0] ?? "";
    const kind = Math.floor(first / 2 ** (5 * firstLetters));
    const codes: number[] = [];
    for (let i = firstLetters - 1; i >= 0; i--) codes.push(Math.floor(first / 2 ** (5 * i)) % 32);
    const second = this.#second[number] ?? 0;
    for (let i = hashLetters - firstLetters - 1; i >= 0; i--) codes.push((second >>> (5 * i)) & 31);
    return (kinds[kind - 1] ?? "") + String.fromCharCode(...codes.map((rank) => letters.charCodeAt(rank)));
  }

  /** All numbers in the order of the names, as a table has its chains. */
  sorted(): Uint32Array {
    const others = [...this.#others].sort(([a], [b]) => (a < b ? -1 : 1));
    const services = new Uint32Array(this.#count - others.length);
    let at = 0;
    for (let number = 0; number < this.#count; number++) if (this.#first[number] !== 0) services[at++] = number;
    const first = this.#first;
    const second = this.#second;
    services.sort((a, b) => (first[a] ?? 0) - (first[b] ?? 0) || (second[a] ?? 0) - (second[b] ?? 0));
    const sorted = new Uint32Array(this.#count);
    let next = 0;
    at = 0;
    for (const number of services) {
      const kind = kinds[Math.floor((first[number] ?? 0) / 2 ** (5 * firstLetters)) - 1] ?? "";
      for (let other = others[next]; other !== undefined && other[0] < kind; other = others[++next])
        sorted[at++] = other[1];
      sorted[at++] = number;
    }
    for (const [, number] of others.slice(next)) sorted[at++] = number;
    return sorted;
  }

  /** Reads the name of a chain of a Service; `false` for other names. */
  #look(chain: string): boolean {
    const from = chain.length - hashLetters;
    let first = kindOf(chain, from);
    if (first === 0) return false;
    let second = 0;
    for (let i = 0; i < hashLetters; i++) {
      const rank = ranks[chain.charCodeAt(from + i)] ?? noLetter;
      if (rank === noLetter) return false;
      if (i < firstLetters) first = first * 32 + rank;
      else second = second * 32 + rank;
    }
    this.#lookedFirst = first;
    this.#lookedSecond = second;
    return true;
  }

  /** Where the chain that was looked for is, or where it belongs. */
  #place(): number {
    const mask = this.#places.length - 1;
    // Hashes are spread evenly already; the kind makes the chains of one Service differ.
    let place = (this.#lookedSecond ^ Math.floor(this.#lookedFirst / 2 ** 40)) & mask;
    for (;;) {
      const found = this.#places[place] ?? 0;
      if (found === 0) return place;
      const isSame = this.#first[found - 1] === this.#lookedFirst && this.#second[found - 1] === this.#lookedSecond;
      if (isSame) return place;
      place = (place + 1) & mask;
    }
  }

  #grow(): void {
    const first = new Float64Array(2 * this.#first.length);
    first.set(this.#first);
    this.#first = first;
    const second = new Uint32Array(2 * this.#second.length);
    second.set(this.#second);
    this.#second = second;
  }

  /** Doubles the places. */
  #spread(): void {
    this.#places = new Uint32Array(2 * this.#places.length);
    for (let number = 0; number < this.#count; number++) {
      this.#lookedFirst = this.#first[number] ?? 0;
      this.#lookedSecond = this.#second[number] ?? 0;
      if (this.#lookedFirst !== 0) this.#places[this.#place()] = number + 1;
    }
  }
}

/** The number of a kind, from 1 on, that a name has before its letter at `end`; 0 for none. */
function kindOf(chain: string, end: number): number {
  return kinds.findIndex((kind) => kind.length === end && chain.startsWith(kind)) + 1;
}
