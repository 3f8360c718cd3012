import { ednsOptions } from "../codec/index.ts";
import type { Edns } from "../codec/index.ts";
import { ipToBytes, sipHash24 } from "../core/index.ts";
import type { Ip, Random } from "../core/index.ts";

/** What a server answers to the COOKIE option of a query. */
export type CookieCheck =
  | { readonly kind: "none" }
  /** Neither a client's part alone (8 bytes) nor both parts (16 to 40): RFC 7873 section 5.2.2 wants FORMERR. */
  | { readonly kind: "malformed" }
  | { readonly kind: "client"; readonly clientPart: Uint8Array };

const none: CookieCheck = { kind: "none" };

/** Looks at the first COOKIE option; further ones do not count (RFC 7873 section 5.2). */
export function checkCookie(edns: Edns | undefined): CookieCheck {
  if (edns === undefined || edns.options.length === 0) return none;
  const data = edns.options.find(({ code }) => code === ednsOptions.COOKIE)?.data;
  if (data === undefined) return none;
  if (data.length !== 8 && (data.length < 16 || data.length > 40)) return { kind: "malformed" };
  return { kind: "client", clientPart: data.subarray(0, 8) };
}

/** A secret for `makeCookie`; it is as good as `random` is hard to guess. */
export function cookieSecret(random: Random): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256));
}

/**
 * The cookie for a client (RFC 9018): its own part and one that proves, to whoever has the secret of 16 bytes, that it
 * was made for `client` at `seconds` since 1970. Servers with one secret know each other's cookies.
 */
export function makeCookie(clientPart: Uint8Array, client: Ip, seconds: number, secret: Uint8Array): Uint8Array {
  const address = ipToBytes(client);
  const signed = new Uint8Array(16 + address.length);
  signed.set(clientPart);
  // Version 1, three bytes of zeros, and the time.
  signed[8] = 1;
  for (let i = 0; i < 4; i++) signed[12 + i] = seconds >>> (24 - 8 * i);
  signed.set(address, 16);
  const cookie = new Uint8Array(24);
  cookie.set(signed.subarray(0, 16));
  cookie.set(sipHash24(secret, signed), 16);
  return cookie;
}
