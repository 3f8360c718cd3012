import { describe, expect, it } from "vitest";
import { NetlinkWriter, readAcknowledgement } from "./netlink-bytes.ts";

const view = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const little = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** An acknowledgement as the kernel sends it with NETLINK_CAP_ACK: header, error, the request's header, attributes. */
function acknowledgement(errno: number, text?: string): Uint8Array {
  const writer = new NetlinkWriter();
  return writer.message(2, text === undefined ? 0x100 : 0x300, 1, () => {
    writer
      .u32(-errno >>> 0)
      .u32(0)
      .u32(0)
      .u32(0)
      .u32(0);
    if (text !== undefined) writer.attribute(1, text);
  });
}

describe("NetlinkWriter", () => {
  it("writes the length of the message and pads attributes to 4 bytes", () => {
    const writer = new NetlinkWriter();
    const bytes = writer.message(16, 5, 7, () => void writer.attribute(3, "lo").attribute32(4, 1500));
    expect(bytes.length).toBe(16 + 8 + 8);
    expect([view(bytes).getUint32(0, little), view(bytes).getUint16(4, little)]).toEqual([32, 16]);
    expect(view(bytes).getUint16(16, little)).toBe(7); // 4 bytes of header, "lo" and its zero byte
    expect([...bytes.subarray(20, 24)]).toEqual([108, 111, 0, 0]);
    expect(view(bytes).getUint32(28, little)).toBe(1500);
  });

  it("counts nested attributes into the outer one", () => {
    const writer = new NetlinkWriter();
    const bytes = writer.message(16, 0, 0, () => void writer.attribute(18, () => void writer.attribute(1, "veth")));
    expect(view(bytes).getUint16(16, little)).toBe(16);
  });
});

describe("readAcknowledgement()", () => {
  it("reads success, errors, and the kernel's own words", () => {
    expect(readAcknowledgement(acknowledgement(0))).toEqual({ errno: 0 });
    expect(readAcknowledgement(acknowledgement(17))).toEqual({ errno: 17 });
    expect(readAcknowledgement(acknowledgement(22, "Invalid gateway"))).toEqual({
      errno: 22,
      detail: "Invalid gateway",
    });
  });

  it("takes nothing else for an answer", () => {
    expect(readAcknowledgement(new Uint8Array(4)).errno).not.toBe(0);
    expect(readAcknowledgement(acknowledgement(22, "x").subarray(0, 38))).toEqual({ errno: 22 });
  });
});
