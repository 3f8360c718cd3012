import type { Socket } from "node:dgram";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { IpFamily } from "../../src/core/index.ts";
import { openRelaySockets } from "../../src/kernel/index.ts";
import { openRelay, systemClock } from "../../src/net/index.ts";
import { until } from "../lab/own-namespaces.ts";
import { planWith } from "../support/service-plans.ts";
import { addressOf, endpointOf, RelayNetwork } from "./relay-network.ts";
import type { Place } from "./relay-network.ts";

const network = new RelayNetwork();
afterAll(() => network.stop());
beforeEach(() => network.remove("tour/dns"));

/** Answers each datagram with the pod's name and what it got. */
function echo(pod: Place, family: IpFamily, port: number): Socket {
  const socket = network.udp(pod, family, port);
  socket.on("message", (message, from) =>
    socket.send(Buffer.concat([Buffer.from(`${pod}:`), message]), from.port, from.address),
  );
  return socket;
}

/** Sends and waits for one answer; "silence" when none comes. */
function ask(
  socket: Socket,
  message: string | Uint8Array,
  address: string,
  port: number,
  timeoutMs = 2000,
): Promise<string> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => end("silence"), timeoutMs);
    const heard = (answer: Uint8Array): void => end(Buffer.from(answer).toString());
    const end = (text: string): void => {
      clearTimeout(timer);
      socket.off("message", heard);
      resolve(text);
    };
    socket.on("message", heard);
    socket.send(message, port, address);
  });
}

function active(): number {
  return [...network.engine.counters()].reduce((sum, counters) => sum + counters.active, 0);
}

describe.each([
  { family: "IPv4", vip: "10.96.0.10", other: "10.96.0.11" },
  { family: "IPv6", vip: "fd00:96::10", other: "fd00:96::11" },
] as const)("a relayed UDP flow in $family", ({ family, vip, other }) => {
  const plan = planWith({ service: "tour/dns", family, clusterIP: vip, protocol: "UDP", port: 53, nodePort: 30053 });
  const [one, two] = [endpointOf("p1", family, { port: 5353 }), endpointOf("p2", family, { port: 5353 })];
  const both = { cluster: [one, two], serving: [one, two] };
  echo("p1", family, 5353);
  echo("p2", family, 5353);

  it.each(["client", "node", "p1"] as const)("answers %s from the address that was asked", async (from) => {
    await network.serve({ ...plan, ...both });
    for (const address of [vip, addressOf("node", family)]) {
      const socket = network.udp(from, family);
      // A connected socket takes nothing that comes from elsewhere.
      await new Promise<void>((resolve) => socket.connect(address === vip ? 53 : 30053, address, resolve));
      const answer = new Promise<string>((resolve) => socket.once("message", (message) => resolve(message.toString())));
      socket.send("hello");
      expect(await answer).toMatch(/^p[12]:hello$/);
    }
  });

  it("stays with its endpoint, while new clients take turns", async () => {
    await network.serve({ ...plan, ...both });
    const sockets = Array.from({ length: 4 }, () => network.udp("client", family));
    const first = await Promise.all(sockets.map((socket) => ask(socket, "1", vip, 53)));
    expect(first.toSorted()).toEqual(["p1:1", "p1:1", "p2:1", "p2:1"]);
    const second = await Promise.all(sockets.map((socket) => ask(socket, "2", vip, 53)));
    expect(second).toEqual(first.map((answer) => answer.replace(/:1$/, ":2")));
  });

  it("carries 60,000 bytes in one datagram", async () => {
    await network.serve({ ...plan, cluster: [one], serving: [one] });
    const big = "x".repeat(60_000);
    expect(await ask(network.udp("client", family), big, vip, 53)).toBe(`p1:${big}`);
  });

  it("keeps two Services apart that one socket asks", async () => {
    await network.serve({ ...plan, cluster: [one], serving: [one] });
    const clock = planWith({
      service: "tour/time",
      family,
      clusterIP: other,
      protocol: "UDP",
      port: 53,
      cluster: [two],
      serving: [two],
    });
    await network.serve(clock);
    const socket = network.udp("client", family);
    for (let i = 0; i < 3; i++) {
      expect(await ask(socket, "a", vip, 53)).toBe("p1:a");
      expect(await ask(socket, "b", other, 53)).toBe("p2:b");
    }
    await network.remove("tour/time");
  });

  it("goes to another endpoint when one refuses, with the datagram that was refused", async () => {
    const closed = endpointOf("p1", family, { port: 9 });
    await network.serve({ ...plan, cluster: [closed, two], serving: [closed, two] });
    for (let i = 0; i < 4; i++) expect(await ask(network.udp("client", family), `${i}`, vip, 53)).toBe(`p2:${i}`);
    const failed = [...network.engine.counters()].filter(({ failedDials }) => failedDials > 0);
    expect(failed.map(({ service }) => service)).toEqual(["tour/dns"]);
  });

  it("goes on with another endpoint when its own has gone", async () => {
    await network.serve({ ...plan, ...both });
    const socket = network.udp("client", family);
    const home = (await ask(socket, "1", vip, 53)).slice(0, 2);
    const [gone, left] = home === "p1" ? [one, two] : [two, one];
    await network.serve({ ...plan, cluster: [left], serving: [left] });
    expect(await ask(socket, "2", vip, 53)).toBe(`${home === "p1" ? "p2" : "p1"}:2`);
    expect([...network.engine.counters()].some(({ endpoint }) => endpoint.includes(gone.ip))).toBe(false);
  });

  it("is refused at once without endpoints", async () => {
    await network.serve(plan);
    const socket = network.udp("client", family);
    await new Promise<void>((resolve) => socket.connect(53, vip, resolve));
    const refused = new Promise<string>((resolve) => socket.once("error", (error) => resolve(error.message)));
    socket.send("anyone?");
    expect(await refused).toContain("ECONNREFUSED");
  });
});

describe("flows of UDP", () => {
  const endpoint = endpointOf("p1", "IPv4", { port: 5353 });
  const plan = planWith({
    service: "tour/dns",
    clusterIP: "10.96.0.10",
    protocol: "UDP",
    port: 53,
    cluster: [endpoint],
    serving: [endpoint],
  });

  it("end when they are silent, questions that were answered first; and there are never more than the limit", async () => {
    const former = network.engine;
    const kernel = openRelaySockets({ namespace: network.path("node") });
    const udp = { idleMs: 1500, answeredIdleMs: 100, mostFlows: 20 };
    network.engine = network.createEngine({ relay: openRelay({ kernel, clock: systemClock, udp }) });
    await network.engine.writeAll([]);
    await network.serve(plan);

    const talker = network.udp("client");
    for (let i = 0; i < 4; i++) expect(await ask(talker, "x", "10.96.0.10", 53)).toBe("p1:x");
    const sockets = Array.from({ length: 10 }, () => network.udp("client"));
    await Promise.all(sockets.map((socket) => ask(socket, "x", "10.96.0.10", 53)));
    await until("the questions to be over", () => active() === 1);
    await until("the conversation to be over", () => active() === 0);

    for (let i = 0; i < 40; i++) await ask(network.udp("client"), "x", "10.96.0.10", 53);
    expect(active()).toBeLessThanOrEqual(20);
    former.close();
  });
});
