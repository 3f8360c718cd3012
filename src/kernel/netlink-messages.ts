/** Netlink speaks the byte order of the machine (man 7 netlink). */
export const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** One message out of a netlink datagram: its type, and what follows the header of 16 bytes. */
export interface NetlinkMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Types of messages that every netlink family has. */
export const netlinkControl = { error: 2, done: 3 };

/** The messages in a datagram. */
export function* messagesIn(bytes: Uint8Array): IterableIterator<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = view.getUint32(at, littleEndian);
    if (length < 16) return;
    yield { type: view.getUint16(at + 4, littleEndian), body: bytes.subarray(at + 16, at + length) };
    at += (length + 3) & ~3;
  }
}

/** The attributes in `bytes` by type, without the flags in the two highest bits. */
export function attributesIn(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const found = new Map<number, Uint8Array>();
  eachAttribute(bytes, (type, value) => void found.set(type, value));
  return found;
}

/** The values of the attributes in `bytes`, in their order and whatever their types: of a list. */
export function attributeListIn(bytes: Uint8Array): readonly Uint8Array[] {
  const found: Uint8Array[] = [];
  eachAttribute(bytes, (_type, value) => void found.push(value));
  return found;
}

function eachAttribute(bytes: Uint8Array, take: (type: number, value: Uint8Array) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = view.getUint16(at, littleEndian);
    if (length < 4) break;
    take(view.getUint16(at + 2, littleEndian) & 0x3fff, bytes.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
}

/** The error number of a message of type error; 0 is an acknowledgement. */
export function errnoIn(body: Uint8Array): number {
  return -new DataView(body.buffer, body.byteOffset, body.byteLength).getInt32(0, littleEndian);
}

/** The value of an attribute of 1, 2 or 4 bytes in the machine's byte order; 0 for one that is not there. */
export function numberIn(bytes: Uint8Array | undefined): number {
  if (bytes === undefined) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 4) return view.getUint32(0, littleEndian);
  return bytes.length >= 2 ? view.getUint16(0, littleEndian) : (bytes[0] ?? 0);
}
