import { describe, expect, it } from "vitest";
import { endpointAt, planWith } from "../../../test/support/service-plans.ts";
import { endpointChain, isServiceChain, serviceChains } from "./chain-names.ts";

// Names as they stand in kube-proxy's own tests and in rules that people have posted.
describe("serviceChains()", () => {
  it.each([
    ["default/kubernetes", "https", "TCP", "NPX46M4PTMTKRN6Y"],
    ["kube-system/kube-dns", "dns", "UDP", "TCOU7JCQXEZGVUNU"],
    ["kube-system/kube-dns", "dns-tcp", "TCP", "ERIFXISQEP7F7OF4"],
    ["ns1/svc1", "p80", "TCP", "XPGD46QRK7WJZT7O"],
    ["ns2/svc2", "p80", "TCP", "GNZBNJ2PO5MGZ6GT"],
    ["ns5/svc5", "p80", "TCP", "NUKIZ6OKUXPJNT4C"],
  ] as const)("of %s:%s over %s end in kube-proxy's %s", (service, portName, protocol, hash) => {
    expect(serviceChains(planWith({ service, portName, protocol }))).toEqual({
      cluster: `KUBE-SVC-${hash}`,
      local: `KUBE-SVL-${hash}`,
      external: `KUBE-EXT-${hash}`,
      firewall: `KUBE-FW-${hash}`,
    });
  });
});

describe("endpointChain()", () => {
  it.each([
    ["ns1/svc1", "10.180.0.1", "KUBE-SEP-SXIVWICOYRO3J4NJ"],
    ["ns4/svc4", "10.180.0.4", "KUBE-SEP-UKSFD7AGPMPPLUHC"],
    ["ns4/svc4", "10.180.0.5", "KUBE-SEP-C6EBXVWJJZMIWKLZ"],
  ])("of %s at %s port 80 is kube-proxy's %s", (service, address, name) => {
    const endpoint = { ...endpointAt(address, "node-1"), port: 80 };
    expect(endpointChain(planWith({ service, portName: "p80" }), endpoint)).toBe(name);
  });

  it("tells families, ports and protocols apart", () => {
    const four = endpointAt("10.244.1.2", "node-1");
    const names = [
      endpointChain(planWith({}), four),
      endpointChain(planWith({}), { ...four, port: 8081 }),
      endpointChain(planWith({ protocol: "UDP" }), four),
      endpointChain(planWith({ portName: "" }), four),
      endpointChain(planWith({ family: "IPv6" }), endpointAt("fd00::2", "node-1")),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(names.every(isServiceChain)).toBe(true);
  });
});

describe("isServiceChain()", () => {
  it.each(["KUBE-SERVICES", "KUBE-SEP-short", "KUBE-MARK-MASQ", "DOCKER", "MY-KUBE-SVC-NPX46M4PTMTKRN6Y"])(
    "does not claim %s",
    (name) => expect(isServiceChain(name)).toBe(false),
  );
});
