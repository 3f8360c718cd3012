import type { Ip } from "../core/index.ts";

declare const joinedBrand: unique symbol;

/**
 * Addresses as one text, with commas between them: a quarter of the memory of a list of texts, and clusters have hundreds of
 * thousands of endpoints. Equal lists are equal texts.
 */
export type JoinedAddresses = string & { readonly [joinedBrand]: true };

export function joinAddresses(addresses: readonly Ip[]): JoinedAddresses {
  return addresses.join(",") as JoinedAddresses;
}

/** The addresses, in the order in which they were joined. */
export function splitAddresses(joined: JoinedAddresses): readonly Ip[] {
  // What was joined were addresses.
  return joined === "" ? [] : (joined.split(",") as unknown as readonly Ip[]);
}

/** Whether `address` is one of them; makes no list. */
export function hasAddress(joined: JoinedAddresses, address: Ip): boolean {
  for (let at = joined.indexOf(address); at >= 0; at = joined.indexOf(address, at + 1)) {
    const end = at + address.length;
    if ((at === 0 || joined[at - 1] === ",") && (end === joined.length || joined[end] === ",")) return true;
  }
  return false;
}

/** A key for maps, the same for the same address: IPv4 as its 32 bits, which take no memory of their own. */
export function addressKey(address: Ip): number | Ip {
  let value = 0;
  let part = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 0x2e) {
      value = (value << 8) | part;
      part = 0;
    } else if (code >= 0x30 && code <= 0x39) part = part * 10 + (code - 0x30);
    else return address;
  }
  return (value << 8) | part;
}
