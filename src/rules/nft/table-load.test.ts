import { describe, expect, it } from "vitest";
import { littleEndian } from "./element-bytes.ts";
import { jump, verdict } from "./rule.ts";
import type { SetDefinition, Written } from "./statement.ts";
import { tableLoad } from "./table-load.ts";

const sets: readonly SetDefinition[] = [
  { name: "ports", key: { kind: "types", names: ["ipv4_addr", "inet_service"] }, value: "verdict" },
  { name: "addresses", key: { kind: "types", names: ["ipv4_addr"] } },
  { name: "packets", key: { kind: "types", names: ["ipv4_addr"] }, flags: ["dynamic"] },
];
const chains = [
  { name: "services", rules: [[verdict("accept")]] },
  { name: "in", hook: { type: "nat", hook: "prerouting", priority: -100 }, rules: [[jump("services")]] },
] as const;

function loadOf(elements: readonly (readonly [set: string, element: Written])[]) {
  return tableLoad({
    family: "IPv4",
    name: "mine",
    sets,
    chains,
    before: [{ kind: "set-chain", chain: { name: "pick-1", rules: [] } }],
    after: [{ kind: "delete-chain", chain: "old" }],
    *each(visit) {
      for (const [set, element] of elements) {
        visit(set, element);
        yield;
      }
    },
  });
}

interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

function messagesOf(batch: Uint8Array): readonly Message[] {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength);
  const messages: Message[] = [];
  for (let at = 0; at < batch.length;) {
    const length = view.getUint32(at, littleEndian);
    messages.push({ type: view.getUint16(at + 4, littleEndian), bytes: batch.subarray(at, at + length) });
    at += length;
  }
  return messages;
}

const [begin, end, add, remove] = [16, 17, (10 << 8) | 12, (10 << 8) | 14];

describe("tableLoad()", () => {
  it("lets packets in when everything is there", () => {
    const { before, after } = loadOf([]).steps(false);
    expect(before).toContain("add map ip mine ports");
    expect(before).toContain("add chain ip mine pick-1");
    expect(before).not.toContain("hook");
    expect(before).not.toContain("flush map");
    expect(after).toMatch(/^add chain ip mine in \{ type nat hook prerouting .*delete chain ip mine old\n$/s);
  });

  it("leaves the elements of a table that is there to the batch that replaces them", () => {
    const { before, batches, after } = loadOf([["addresses", { key: "10.0.0.1" }]]).steps(true);
    expect(before).toContain("hook prerouting");
    expect(before).not.toMatch(/flush (map|set)/);
    expect(after).not.toContain("hook");
    const all = [...batches(1 << 20)];
    expect(all).toHaveLength(1);
    const messages = all.flatMap(messagesOf);
    expect(messages.map(({ type }) => type)).toEqual([begin, remove, remove, add, end]);
    expect(new TextDecoder().decode(messages[2]?.bytes)).toContain("mine\0\0\0\0");
  });

  it("writes an element as the kernel has it", () => {
    const element = { key: "10.0.0.1 . 80", value: "goto pick-1", comment: 'tour/"web"' };
    const [batch = new Uint8Array()] = loadOf([["ports", element]])
      .steps(false)
      .batches(1 << 20);
    const [, message] = messagesOf(batch);
    const text = Buffer.from(message?.bytes ?? []).toString("latin1");
    expect(text).toContain("\x0a\0\0\x01\0\x50\0\0");
    expect(text).toContain("\xff\xff\xff\xfc");
    expect(text).toContain("pick-1\0");
    expect(text).toContain("\0\x0btour/'web'\0");
    expect((message?.bytes.length ?? 1) % 4).toBe(0);
  });

  it("makes batches and messages no longer than they may be", () => {
    const many = Array.from({ length: 20_000 }, (_, i): [string, Written] => [
      i % 3 === 0 ? "addresses" : "ports",
      { key: `10.0.${i >> 8}.${i & 255}${i % 3 === 0 ? "" : " . 80"}`, ...(i % 3 === 0 ? {} : { value: "drop" }) },
    ]);
    const bytes = 150_000;
    const batches = [...loadOf(many).steps(false).batches(bytes)];
    expect(batches.length).toBeGreaterThan(4);
    for (const batch of batches) {
      expect(batch.length).toBeLessThanOrEqual(bytes);
      const messages = messagesOf(batch);
      expect(messages.at(0)?.type).toBe(begin);
      expect(messages.at(-1)?.type).toBe(end);
      for (const message of messages) expect(message.bytes.length).toBeLessThanOrEqual(65_536);
    }
    const sum = batches.flatMap(messagesOf).reduce((bytesSoFar, message) => bytesSoFar + message.bytes.length, 0);
    // An address has 16 bytes, an entry with its verdict 36.
    expect(sum).toBeGreaterThan((20_000 / 3) * 16 + (40_000 / 3) * 36);
  });

  it("says nothing about no elements", () => {
    expect([
      ...loadOf([])
        .steps(false)
        .batches(1 << 20),
    ]).toEqual([]);
  });
});
