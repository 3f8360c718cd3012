import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { applyLinkSteps, createNamespace, inNamespace, openPacketSocket, removeNamespace } from "./index.ts";
import type { PacketSocket } from "./index.ts";

/** An Ethernet type for local experiments (IEEE 802), so that nothing else is on the link. */
const etherType = 0x88b5;
let folder: string;
const made: string[] = [];
const opened: PacketSocket[] = [];

function make(name: string): string {
  const path = join(folder, name);
  createNamespace(path);
  made.push(path);
  return path;
}

/** Two namespaces joined by a cable; the addresses of their ends are ...:01 and ...:02. */
function cable(): { readonly left: string; readonly right: string } {
  const left = make("left");
  const right = make("right");
  inNamespace(left, () =>
    applyLinkSteps([
      {
        kind: "veth",
        name: "eth0",
        mac: "02:00:00:00:00:01",
        peer: { name: "eth0", mac: "02:00:00:00:00:02", namespace: right },
      },
    ]),
  );
  setLink(right, "up");
  return { left, right };
}

const setLink = (namespace: string, state: "up" | "down") =>
  inNamespace(namespace, () => applyLinkSteps([{ kind: "link", name: "eth0", state }]));

function open(namespace: string) {
  const frames: string[] = [];
  const failures: Error[] = [];
  const socket = inNamespace(namespace, () =>
    openPacketSocket({
      link: "eth0",
      etherType,
      received: (frame) => frames.push(Buffer.from(frame).toString("hex")),
      failed: (error) => failures.push(error),
    }),
  );
  opened.push(socket);
  return { socket, frames, failures };
}

const frameOf = (type: number, text: string) =>
  Buffer.concat([
    Buffer.from("ffffffffffff020000000001", "hex"),
    Buffer.from([type >> 8, type & 255]),
    Buffer.from(text),
  ]);
const probe = frameOf(etherType, "probe");

/** A cable carries nothing until the kernel has seen both ends up, which may take it a second: probe until it does. */
async function joined(from: PacketSocket, to: { readonly frames: readonly string[] }): Promise<void> {
  await vi.waitFor(() => {
    from.send(probe);
    expect(to.frames).toContain(probe.toString("hex"));
  }, 5_000);
}
const withoutProbes = (frames: readonly string[]) => frames.filter((frame) => frame !== probe.toString("hex"));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sealane-packet-"));
});

afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
  for (const path of made.splice(0)) removeNamespace(path);
  rmSync(folder, { recursive: true });
});

describe("openPacketSocket()", () => {
  it("carries frames of its type, whole and one by one", async () => {
    const { left, right } = cable();
    const a = open(left);
    const b = open(right);
    expect([a.socket.mac(), b.socket.mac()]).toEqual(["02:00:00:00:00:01", "02:00:00:00:00:02"]);
    await joined(a.socket, b);
    const sent = ["one", "", "x".repeat(1_400)].map((text) => frameOf(etherType, text));
    a.socket.send(frameOf(0x88b6, "of another type"));
    for (const frame of sent) a.socket.send(frame);
    await vi.waitFor(() => expect(withoutProbes(b.frames)).toHaveLength(3));
    expect(withoutProbes(b.frames)).toEqual(sent.map((frame) => frame.toString("hex")));
    // One does not hear oneself.
    expect(a.frames).toEqual([]);
  });

  it("hears nothing and sends nothing once closed", async () => {
    const { left, right } = cable();
    const a = open(left);
    const b = open(right);
    const c = open(right);
    b.socket.close();
    await joined(a.socket, c);
    expect(b.frames).toEqual([]);
    expect(() => b.socket.send(frameOf(etherType, "x"))).toThrow("send a frame on eth0: the socket is closed (EBADF)");
    expect(b.failures).toEqual([]);
  });

  it("reports once that the link went down", async () => {
    const { left } = cable();
    const a = open(left);
    setLink(left, "down");
    await vi.waitFor(() => expect(a.failures).toHaveLength(1));
    expect(a.failures[0]).toMatchObject({ code: "ENETDOWN" });
    expect(() => a.socket.send(frameOf(etherType, "x"))).toThrow("closed");
  });

  it("names the link that is not there", () => {
    const empty = make("empty");
    expect(() => open(empty)).toThrow(/eth0.*\(ENODEV\)/);
  });
});
