import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { encodeMessage, dnsName, queryMessage, recordTypes } from "../../src/codec/index.ts";
import { MemoryCache } from "../../src/dns/index.ts";
import { cluster, service, slice } from "./cluster.ts";

const count = 3000;
const endpoints = 5;

describe("the memory of names", () => {
  it("does not grow with what was asked: SRV, PTR and each endpoint of every Service", () => {
    const all = Array.from({ length: count }, (_, i) => i);
    const dns = cluster({
      caches: {
        services: new MemoryCache(all.map((i) => service("default", `svc-${i}`, { clusterIP: "None" }))),
        endpointSlices: new MemoryCache(all.map((i) => slice("default", `svc-${i}`, `svc-${i}-1`, endsOf(i)))),
      },
      upstreams: [],
    });
    const ask = (name: string, type: number) => {
      const query = encodeMessage(queryMessage(1, { name: dnsName(name), type, class: 1 }), 512).slice();
      const answer = dns.answer(query, "tcp");
      if (answer === undefined || answer instanceof Promise)
        throw new TypeError("Names of the cluster are told at once");
      return ((answer[6] ?? 0) << 8) | (answer[7] ?? 0);
    };
    const host = (i: number) => `svc-${i}.default.svc.cluster.local`;
    // What A keeps is small, and PTR needs an index of all addresses.
    for (const i of all) ask(host(i), recordTypes.A);
    ask("1.0.244.10.in-addr.arpa", recordTypes.PTR);
    const before = bytesInUse();
    let answers = 0;
    for (const i of all) {
      answers += ask(`_http._tcp.${host(i)}`, recordTypes.SRV);
      answers += ask(host(i), recordTypes.SRV);
      for (const [address] of endsOf(i)) {
        answers += ask(`${address.split(".").toReversed().join(".")}.in-addr.arpa`, recordTypes.PTR);
        answers += ask(`${address.replaceAll(".", "-")}.${host(i)}`, recordTypes.A);
      }
    }
    expect(answers).toBe(count * endpoints * 4);
    // An endpoint that is kept takes 350 bytes; what other tests left behind comes and goes.
    expect((bytesInUse() - before) / (count * endpoints)).toBeLessThan(120);
  });
});

function endsOf(i: number): readonly (readonly [string])[] {
  return Array.from({ length: endpoints }, (_, j) => [`10.244.${(i >> 5) & 255}.${(i & 31) * 8 + j}`] as const);
}

/** What is left after garbage was collected. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  if (typeof collect !== "function") throw new TypeError("V8 has no gc()");
  for (let i = 0; i < 3; i++) Reflect.apply(collect, undefined, []);
  return process.memoryUsage().heapUsed;
}
