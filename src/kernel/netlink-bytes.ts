import { littleEndian } from "./netlink-messages.ts";

const encoder = new TextEncoder();

/** Writes netlink messages: integers in the machine's byte order, attributes padded to 4 bytes (man 7 netlink). */
export class NetlinkWriter {
  readonly #bytes = new Uint8Array(1024);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  u8(...values: readonly number[]): this {
    for (const value of values) this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#length, value, littleEndian);
    this.#length += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#length, value, littleEndian);
    this.#length += 4;
    return this;
  }

  /** An attribute with a value: text (ends with a zero byte), bytes, or what `value` writes (a nested attribute). */
  attribute(type: number, value: string | Uint8Array | (() => void)): this {
    const start = this.#length;
    this.#length += 4;
    if (typeof value === "function") value();
    else if (typeof value === "string") this.#text(value);
    else {
      this.#bytes.set(value, this.#length);
      this.#length += value.length;
    }
    this.#view.setUint16(start, this.#length - start, littleEndian);
    this.#view.setUint16(start + 2, type, littleEndian);
    // What an earlier message left must not be in the gap.
    while ((this.#length & 3) !== 0) this.#bytes[this.#length++] = 0;
    return this;
  }

  #text(value: string): void {
    const { read, written } = encoder.encodeInto(value, this.#bytes.subarray(this.#length));
    if (read < value.length) throw new RangeError("the text does not fit into a netlink message");
    this.#length += written;
    this.#bytes[this.#length++] = 0;
  }

  attribute16(type: number, value: number): this {
    return this.attribute(type, () => void this.u16(value));
  }

  attribute32(type: number, value: number): this {
    return this.attribute(type, () => void this.u32(value));
  }

  /** A whole message: the header with its length, then what `body` writes. Valid until the next one is written. */
  message(type: number, flags: number, sequence: number, body: () => void): Uint8Array {
    this.#length = 16;
    body();
    this.#view.setUint32(0, this.#length, littleEndian);
    this.#view.setUint16(4, type, littleEndian);
    this.#view.setUint16(6, flags, littleEndian);
    this.#view.setUint32(8, sequence, littleEndian);
    this.#view.setUint32(12, 0, littleEndian);
    return this.#bytes.subarray(0, this.#length);
  }
}

/** What the kernel answered to one message: 0 or the number of the error, and its own words when it gives any. */
export interface NetlinkAnswer {
  readonly errno: number;
  readonly detail?: string;
}

/** Reads the acknowledgement of a message (NLMSG_ERROR, with the extended text when there is one). */
export function readAcknowledgement(bytes: Uint8Array): NetlinkAnswer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 20 || view.getUint16(4, littleEndian) !== 2) return { errno: 74, detail: "unexpected answer" };
  const errno = Math.abs(view.getInt32(16, littleEndian));
  if ((view.getUint16(6, littleEndian) & 0x200) === 0) return { errno };
  // With NETLINK_CAP_ACK only the header of the request (16 bytes) is repeated before the attributes.
  for (let at = 36; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, littleEndian);
    if (length < 4 || at + length > bytes.length) break;
    if (view.getUint16(at + 2, littleEndian) === 1) {
      return { errno, detail: new TextDecoder().decode(bytes.subarray(at + 4, at + length - 1)) };
    }
    at += (length + 3) & ~3;
  }
  return { errno };
}
