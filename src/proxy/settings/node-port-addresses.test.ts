import { describe, expect, it } from "vitest";
import { ip } from "../../core/index.ts";
import { nodePortNetworks, parseNodePortAddress } from "./node-port-addresses.ts";

const nodeAddresses = ["192.168.100.11", "fd00:64::11", "10.0.0.11"].map(ip);

describe("nodePortNetworks()", () => {
  const rows: readonly (readonly [texts: string, networks: string, onLocalhost: boolean])[] = [
    ["", "all", true],
    ["all", "all", true],
    ["0.0.0.0/0", "all", true],
    ["primary all", "all", true],
    ["primary", "192.168.100.11/32 fd00:64::11/128", false],
    ["primary localhost", "192.168.100.11/32 fd00:64::11/128 127.0.0.0/8 ::1/128", true],
    ["10.0.0.0/8", "10.0.0.0/8", false],
    ["127.0.0.0/8 127.0.0.0/8", "127.0.0.0/8", true],
    // Nothing is said of IPv4.
    ["fd00:64::/64", "fd00:64::/64", true],
  ];

  it.each(rows)("takes %j for the networks %s, on localhost: %s", (texts, networks, onLocalhost) => {
    const nodePortAddresses = texts.split(" ").flatMap((text) => parseNodePortAddress(text) ?? []);
    const read = nodePortNetworks({ nodePortAddresses, localhostNodePorts: true }, nodeAddresses);
    expect(read.nodePortAddresses?.join(" ") ?? "all").toBe(networks);
    expect(read.localhostNodePorts).toBe(onLocalhost);
  });

  it("serves none on localhost when it was not asked to", () => {
    expect(nodePortNetworks({ nodePortAddresses: [], localhostNodePorts: false }, nodeAddresses)).toEqual({
      localhostNodePorts: false,
    });
  });
});
