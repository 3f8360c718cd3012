import { describe, expect, it } from "vitest";
import { ip } from "../core/index.ts";
import type { Protocol } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import { endpointAt, planWith } from "../../test/support/service-plans.ts";
import { cleanedProtocols, fewQueries, flowEntries, flowQueries, staleFlows } from "./stale-flows.ts";

const [a, b] = [endpointAt("10.244.1.2", "node-1"), endpointAt("10.244.2.2", "node-2")];
const udp = (serving: ServicePlan["serving"], more: Parameters<typeof planWith>[0] = {}) =>
  planWith({ protocol: "UDP", clusterIP: "10.96.0.5", serving, ...more });

/** `UDP by IP:PORT` for flows of an endpoint, `UDP to IP:PORT` for flows to an address, `UDP` for all. */
function texts(now: readonly ServicePlan[], before: readonly ServicePlan[], resetRemoved = false): readonly string[] {
  return fewQueries(flowQueries(now, before, cleanedProtocols(resetRemoved))).map(
    ({ protocol, answeredBy, destination, unreplied }) => {
      const by = answeredBy === undefined ? "" : ` by ${answeredBy.ip}:${answeredBy.port}`;
      const to = destination === undefined ? "" : ` to ${destination.ip ?? "*"}:${destination.port}`;
      return `${protocol}${by}${to}${unreplied === true ? " unreplied" : ""}`;
    },
  );
}

describe("flowQueries()", () => {
  const cases: readonly {
    readonly what: string;
    readonly before: readonly ServicePlan[];
    readonly now: readonly ServicePlan[];
    readonly expected: readonly string[];
  }[] = [
    { what: "a new cluster IP", before: [], now: [udp([a])], expected: [] },
    { what: "a new endpoint", before: [udp([a])], now: [udp([a, b])], expected: [] },
    { what: "an endpoint that went", before: [udp([a, b])], now: [udp([b])], expected: ["UDP by 10.244.1.2:8080"] },
    { what: "a Service that went", before: [udp([a])], now: [], expected: ["UDP by 10.244.1.2:8080"] },
    {
      what: "a node port that came",
      before: [udp([a])],
      now: [udp([a], { nodePort: 30053 })],
      expected: ["UDP to *:30053"],
    },
    {
      what: "an outside address that came",
      before: [udp([a])],
      now: [udp([a], { externalIPs: ["203.0.113.5"] })],
      expected: ["UDP to 203.0.113.5:80"],
    },
    {
      what: "an endpoint of an SCTP port that went",
      before: [planWith({ protocol: "SCTP", serving: [a] })],
      now: [planWith({ protocol: "SCTP" })],
      expected: ["SCTP by 10.244.1.2:8080"],
    },
    {
      what: "an outside address of a TCP port that came",
      before: [planWith({ serving: [a] })],
      now: [planWith({ serving: [a], externalIPs: ["203.0.113.5"], loadBalancerIPs: ["192.168.100.200"] })],
      expected: ["TCP to 192.168.100.200:80 unreplied", "TCP to 203.0.113.5:80 unreplied"],
    },
    {
      what: "an outside address of a TCP port that went",
      before: [planWith({ serving: [a], externalIPs: ["203.0.113.5"] })],
      now: [planWith({ serving: [a] })],
      expected: [],
    },
    { what: "one of a TCP port", before: [planWith({ serving: [a] })], now: [planWith({})], expected: [] },
  ];
  it.each(cases)("asks for no more than $what may leave", ({ before, now, expected }) => {
    expect(texts(now, before)).toEqual(expected);
  });

  it("asks for TCP flows of removed endpoints on request, never for those that came before their Service", () => {
    const now = [planWith({ nodePort: 30080 })];
    expect(texts(now, [planWith({ serving: [a] })], true)).toEqual(["TCP by 10.244.1.2:8080"]);
  });

  it("asks for calls over TCP that nobody has answered when an outside address comes, also where TCP flows are removed", () => {
    const now = [planWith({ serving: [a], externalIPs: ["203.0.113.5"] })];
    expect(texts(now, [], true)).toEqual(["TCP to 203.0.113.5:80 unreplied"]);
  });

  it("asks once for everything when many endpoints went", () => {
    const many = Array.from({ length: 20 }, (_, i) => ({ ...a, ip: ip(`10.244.1.${i + 2}`) }));
    expect(texts([], [udp(many)])).toEqual(["UDP"]);
  });
});

describe("staleFlows()", () => {
  const flow = (protocol: Protocol, destination: string, answeredBy: string, isReplied = false) => ({
    family: "IPv4" as const,
    protocol,
    destination: ip(destination),
    destinationPort: 30053,
    answeredBy: ip(answeredBy),
    answeredFrom: destination === answeredBy ? 30053 : 8080,
    isReplied,
  });
  const node = "192.168.100.12";

  it.each([
    ["an endpoint that serves", flow("UDP", node, "10.244.2.2"), false],
    ["an endpoint that went", flow("UDP", node, "10.244.1.2"), true],
    ["nobody, from before the node port was there", flow("UDP", node, node), true],
    ["an endpoint that went, over SCTP", flow("SCTP", node, "10.244.1.2"), true],
    // Its node redirects it: without its entry here, the association would be invalid.
    ["another node, over SCTP", flow("SCTP", node, node), false],
  ])("judges a flow to a node port that is answered by %s", (_by, one, isStale) => {
    const plan = planWith({ protocol: one.protocol, nodePort: 30053, serving: [b] });
    expect(staleFlows([one], flowEntries([plan], [], cleanedProtocols(false)))).toEqual(isStale ? [one] : []);
  });

  const outside = "203.0.113.5";
  it.each([
    ["a call that nobody answers, from before the Service was there", flow("TCP", outside, outside), true, true],
    ["a call to an endpoint that does not answer", flow("TCP", outside, "10.244.2.2"), false, false],
    ["a call to an endpoint that went", flow("TCP", outside, "10.244.1.2"), true, true],
    ["a connection with a server from before", flow("TCP", outside, outside, true), false, false],
    ["a connection with an endpoint that went", flow("TCP", outside, "10.244.1.2", true), false, true],
  ])("judges over TCP %s", (_what, one, isStale, isStaleOnRequest) => {
    const plan = planWith({ port: 30053, externalIPs: [outside], serving: [b] });
    for (const resetRemoved of [false, true]) {
      const entries = flowEntries([plan], [], cleanedProtocols(resetRemoved));
      expect(staleFlows([one], entries)).toEqual((resetRemoved ? isStaleOnRequest : isStale) ? [one] : []);
    }
  });
});
