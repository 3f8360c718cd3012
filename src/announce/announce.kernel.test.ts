import { execFile } from "node:child_process";
import { createServer } from "node:http";
import type { Server } from "node:http";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { etherTypeArp } from "../codec/index.ts";
import { ip, silentLogger } from "../core/index.ts";
import type { Clock } from "../core/index.ts";
import { applyLinkSteps, createNamespace, inNamespace, openPacketSocket, removeNamespace } from "../kernel/index.ts";
import { createArpSpeaker } from "./arp-speaker.ts";
import type { ArpSpeaker } from "./arp-speaker.ts";

// A LAN with a client and two nodes. The address is on no interface of either node: a prerouting rule
// stands in for the proxy's DNAT and brings the traffic to the node's server.
const address = ip("192.168.77.200");
const run = promisify(execFile);
const clock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  monotonic: () => performance.now(),
  schedule(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
};

interface Station {
  readonly path: string;
  readonly mac: string;
  readonly server: Server;
  readonly speaker: ArpSpeaker;
}

let folder: string;
let lan: string;
let client: string;
const nodes: Station[] = [];

/** The child belongs to the namespace in which it was started; its end is awaited outside. */
const within = (path: string, command: string, ...args: string[]) =>
  inNamespace(path, () => ({ done: run(command, args) })).done;

const made: string[] = [];
function make(name: string, setUp?: () => void): string {
  const path = join(folder, name);
  createNamespace(path, setUp);
  made.push(path);
  return path;
}

function attach(name: string, mac: string, host: number): string {
  const path = make(name);
  inNamespace(lan, () =>
    applyLinkSteps([{ kind: "veth", name, master: "lan", peer: { name: "eth0", mac, namespace: path } }]),
  );
  inNamespace(path, () =>
    applyLinkSteps([
      { kind: "link", name: "lo", state: "up" },
      { kind: "link", name: "eth0", state: "up" },
      { kind: "address", address: ip(`192.168.77.${host}`), prefix: 24, link: "eth0" },
    ]),
  );
  return path;
}

async function startNode(name: string, mac: string, host: number): Promise<Station> {
  const path = attach(name, mac, host);
  const server = createServer((_, response) => response.setHeader("connection", "close").end(name));
  await new Promise<void>((resolve) => inNamespace(path, () => server.listen(8080, resolve)));
  await within(
    path,
    "nft",
    `add table ip t; add chain ip t pre { type nat hook prerouting priority dstnat; };
    add rule ip t pre ip daddr ${address} tcp dport 80 redirect to :8080`,
  );
  const speaker = createArpSpeaker({
    clock,
    log: silentLogger,
    open: (handlers) =>
      inNamespace(path, () => openPacketSocket({ link: "eth0", etherType: etherTypeArp, ...handlers })),
  });
  return { path, mac, server, speaker };
}

const curl = async (seconds = 2) =>
  (await within(client, "curl", "-s", "--max-time", String(seconds), `http://${address}/`)).stdout;
const neighbour = async () => (await within(client, "ip", "neigh", "show", address)).stdout;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-announce-"));
  lan = make("lan", () => applyLinkSteps([{ kind: "bridge", name: "lan" }]));
  client = attach("client", "02:00:00:00:00:10", 10);
  nodes.push(await startNode("node-1", "02:00:00:00:00:11", 11));
  nodes.push(await startNode("node-2", "02:00:00:00:00:12", 12));
});

afterEach(async () => {
  for (const { server, speaker } of nodes.splice(0)) {
    speaker.close();
    await new Promise((resolve) => server.close(resolve));
  }
  for (const path of made.splice(0)) removeNamespace(path);
  rmSync(folder, { recursive: true });
});

describe("createArpSpeaker() over a packet socket", () => {
  test("only the claiming node answers, and a takeover moves clients at once", async () => {
    const [first, second] = nodes as [Station, Station];
    await expect(curl(0.3)).rejects.toThrow("Command failed");

    first.speaker.claim(address);
    expect(await curl()).toBe("node-1");
    expect(await neighbour()).toContain(first.mac);
    expect(second.speaker.stats().replies).toBe(0);

    // node-1 dies without a word; its rules still work, and the client's entry is fresh.
    first.speaker.close();
    expect(await curl()).toBe("node-1");
    second.speaker.claim(address);
    await vi.waitFor(async () => expect(await neighbour()).toContain(second.mac), { timeout: 900, interval: 20 });
    expect(await curl()).toBe("node-2");

    // A client that asks anew finds the new node only.
    await within(client, "ip", "neigh", "flush", "dev", "eth0");
    expect(await curl()).toBe("node-2");
    expect(second.speaker.stats().replies).toBe(1);
    expect(first.speaker.stats().replies).toBeLessThanOrEqual(1);

    second.speaker.release(address);
    await within(client, "ip", "neigh", "flush", "dev", "eth0");
    await expect(curl(0.3)).rejects.toThrow("Command failed");
  });

  test("answers again after the interface was down", async () => {
    const [first] = nodes as [Station, Station];
    first.speaker.claim(address);
    expect(await curl()).toBe("node-1");
    const link = (state: "up" | "down") =>
      inNamespace(first.path, () => applyLinkSteps([{ kind: "link", name: "eth0", state }]));
    link("down");
    await within(client, "ip", "neigh", "flush", "dev", "eth0");
    link("up");
    await vi.waitFor(async () => expect(await curl()).toBe("node-1"), { timeout: 10_000, interval: 50 });
  });
});
