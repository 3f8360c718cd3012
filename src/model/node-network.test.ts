import { expect, it } from "vitest";
import { cidr } from "../core/index.ts";
import { nodeNetwork, nodePortNetworksOf } from "./node-network.ts";

const v4 = cidr("192.168.100.0/24");
const v6 = cidr("fd00:64::/64");

it.each([
  [undefined, undefined, undefined],
  [[], undefined, undefined],
  [[v4, v6], [v4], [v6]],
  [[v4], [v4], undefined],
  [[v6], undefined, [v6]],
])("node ports in %j are served in IPv4 in %j, in IPv6 in %j", (networks, ofIPv4, ofIPv6) => {
  const network = nodeNetwork(networks === undefined ? {} : { nodePortAddresses: networks });
  expect([nodePortNetworksOf(network, "IPv4"), nodePortNetworksOf(network, "IPv6")]).toEqual([ofIPv4, ofIPv6]);
});
