import { cidrAddress, cidrContains, cidrSize, ipToBigInt, cidrBase } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";

/**
 * The addresses of a node's pods. The search goes on behind the last address given out, so that a freed one rests as
 * long as possible before another pod gets it. The first two addresses and the last one are never given out.
 */
export class PodAddresses {
  readonly #network: Cidr;
  readonly #used = new Set<Ip>();
  #next = 2n;

  constructor(network: Cidr) {
    this.#network = network;
  }

  /** A free address, now in use; undefined when there is none. */
  allocate(): Ip | undefined {
    const last = cidrSize(this.#network) - 2n;
    for (let tries = last - 1n; tries > 0n; tries--) {
      const address = cidrAddress(this.#network, this.#next);
      this.#next = this.#next >= last ? 2n : this.#next + 1n;
      if (this.#used.has(address)) continue;
      this.#used.add(address);
      return address;
    }
    return undefined;
  }

  /** Takes an address that a pod has already. */
  reserve(address: Ip): void {
    if (!cidrContains(this.#network, address)) return;
    this.#used.add(address);
    const offset = ipToBigInt(address) - ipToBigInt(cidrBase(this.#network));
    if (offset >= this.#next && offset < cidrSize(this.#network) - 2n) this.#next = offset + 1n;
  }

  /** Frees an address; harmless when it is free. */
  release(address: Ip): void {
    this.#used.delete(address);
  }
}
