import { describe, expect, it } from "vitest";
import { inNamespace } from "../../../src/kernel/index.ts";
import type { ClusterUnderTest } from "./cluster.ts";
import { ping } from "./ping.ts";
import { isPeculiar } from "./peculiarities.ts";
import { addressOf, families } from "./places.ts";
import type { PodName } from "./places.ts";
import { openRawSocket } from "./raw-socket.ts";
import { slicesOf } from "./service-objects.ts";
import { clusterIP, loadBalancerIP, nodePort } from "./targets.ts";

const everyone: readonly PodName[] = ["a1", "a2", "b1"];
const patienceMs = 10_000;
const silenceMs = 400;

/** What is not the same in all modes, and no packet alone shows: each mode does what the table says of it. */
export function describePeculiarities(cluster: ClusterUnderTest): void {
  const { network } = cluster;
  const { mode } = cluster.engine;

  describe.each(families)("session affinity over all ways to a port, %s", (family) => {
    const number = family === "IPv4" ? 913 : 914;

    it(isPeculiar("affinity", mode) ? "is one for each address" : "is one", async () => {
      const spec = { type: "LoadBalancer", sessionAffinity: "ClientIP" } as const;
      await cluster.serve(`ways-${number}`, number, everyone, { spec });
      const [first = ""] = await cluster.answering("client", clusterIP(number, family), 1);
      expect(everyone).toContain(first);
      for (const target of [
        clusterIP(number, family),
        loadBalancerIP(number, family),
        nodePort("node-1", number, family),
      ]) {
        const found = await cluster.answering("client", target, 12);
        if (isPeculiar("affinity", mode)) expect(found).toHaveLength(1);
        else expect(found).toEqual([first]);
      }
    });
  });

  describe.each(families)("a ping of a cluster IP, %s", (family) => {
    const expected = !isPeculiar("ping", mode) ? "refused" : mode === "ipvs" ? "answered" : "silence";

    it(expected === "silence" ? "is dropped" : `is ${expected}`, async () => {
      const number = family === "IPv4" ? 960 : 961;
      await cluster.serve(`pinged-${number}`, number, ["b1"]);
      const target = clusterIP(number, family).destination;
      for (const from of ["a1", "client"] as const) {
        const timeoutMs = expected === "silence" ? silenceMs : patienceMs;
        expect(await ping(network.path(from), family, target, timeoutMs)).toBe(expected);
      }
    });
  });

  describe.each(families)("a packet that belongs to no connection and opens none, %s", (family) => {
    const isDropped = isPeculiar("invalid", mode);

    it(isDropped ? "does not reach a pod" : "reaches a pod", async () => {
      const port = 9000;
      let arrived = (): void => undefined;
      const arrival = new Promise<true>((resolve) => (arrived = () => resolve(true)));
      const pod = inNamespace(network.path("a1"), () =>
        openRawSocket(family, 6, (bytes) => {
          const header = family === "IPv4" ? ((bytes[0] ?? 0) & 15) * 4 : 0;
          if (new DataView(bytes.buffer, bytes.byteOffset).getUint16(header + 2) === port) arrived();
        }),
      );
      const client = inNamespace(network.path("client"), () => openRawSocket(family, 6, () => undefined));
      client.send(addressOf("a1", family), answerToNobody(port));
      const patience = isDropped ? silenceMs : patienceMs;
      const end = new Promise<false>((resolve) => void setTimeout(() => resolve(false), patience));
      expect(await Promise.race([arrival, end])).toBe(!isDropped);
      pod.close();
      client.close();
    });
  });

  describe("an endpoint that refuses", () => {
    const isRetried = isPeculiar("retry", mode);

    it(isRetried ? "is passed over" : "refuses the client", async () => {
      const name = "half-deaf";
      const refusing = slicesOf(name, ["b1"]).map((slice) => ({
        ...slice,
        metadata: { ...slice.metadata, name: `${slice.metadata.name}-refusing` },
        ports: [{ name: "tcp", protocol: "TCP" as const, port: 9 }],
      }));
      for (const slice of refusing) cluster.slices.set(slice);
      await cluster.serve(name, 962, ["a1"]);
      // One of two is missed so often with a chance of 2^-60.
      const seen = await cluster.answering("client", clusterIP(962), 60);
      expect(seen).toEqual(isRetried ? ["a1"] : ["a1", "refused"]);
      for (const { metadata } of refusing) cluster.slices.delete(metadata.namespace, metadata.name);
      await cluster.remove(name);
    });
  });
}

/** A TCP header with SYN and ACK, for which nobody asked (RFC 9293 3.1). */
function answerToNobody(port: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 9001);
  view.setUint16(2, port);
  view.setUint32(4, 1);
  view.setUint32(8, 1);
  view.setUint16(12, 0x5012);
  view.setUint16(14, 1000);
  return bytes;
}
