import { CodedError } from "../../core/index.ts";

/** One field of a protobuf message as it stands on the wire. */
export type WireField =
  | { readonly kind: "varint"; readonly number: number; readonly value: bigint }
  /** 4 or 8 bytes, little-endian. */
  | { readonly kind: "fixed"; readonly number: number; readonly value: Uint8Array }
  | { readonly kind: "bytes"; readonly number: number; readonly value: Uint8Array };

/** Reads the fields of a message, in order. Throws `CodedError` with code `InvalidProtobuf`. */
export function readProtobuf(bytes: Uint8Array): readonly WireField[] {
  const fields: WireField[] = [];
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[offset++];
      if (byte === undefined) throw broken("a number is cut off");
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw broken("a number is too long");
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - offset) throw broken("a field is cut off");
    offset += length;
    return bytes.subarray(offset - length, offset);
  };
  while (offset < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    switch (Number(key & 7n)) {
      case 0:
        fields.push({ kind: "varint", number, value: varint() });
        break;
      case 1:
        fields.push({ kind: "fixed", number, value: take(8) });
        break;
      case 2:
        fields.push({ kind: "bytes", number, value: take(Number(varint())) });
        break;
      case 5:
        fields.push({ kind: "fixed", number, value: take(4) });
        break;
      default:
        throw broken(`field ${number} has an unknown wire type`);
    }
  }
  return fields;
}

function broken(what: string): CodedError {
  return new CodedError("InvalidProtobuf", `Not a protobuf message: ${what}`);
}
