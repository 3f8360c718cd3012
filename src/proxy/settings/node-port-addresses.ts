import { cidr, cidrsOfFamily, ipFamilies, ipFamily, parseCidr } from "../../core/index.ts";
import type { Cidr, Ip } from "../../core/index.ts";
import type { NodeNetwork } from "../../model/index.ts";
import type { NodePortAddress, ProxySettings } from "./proxy-settings.ts";

const words = ["primary", "localhost", "all"] as const;
const loopback: readonly Cidr[] = [cidr("127.0.0.0/8"), cidr("::1/128")];

/** Reads one entry of `nodePortAddresses`: a network or one of the words. */
export function parseNodePortAddress(text: string): NodePortAddress | undefined {
  return words.find((word) => word === text) ?? parseCidr(text);
}

/**
 * What the setting means on a node with these addresses (as its Node object lists them: the first of each family is the
 * primary one). A list of IPv4 networks that leaves loopback out takes node ports on 127.0.0.1 away.
 */
export function nodePortNetworks(
  { nodePortAddresses, localhostNodePorts }: Pick<ProxySettings, "nodePortAddresses" | "localhostNodePorts">,
  nodeAddresses: readonly Ip[],
): Pick<NodeNetwork, "nodePortAddresses" | "localhostNodePorts"> {
  const asksForAll = (network: NodePortAddress) => network === "all" || network.endsWith("/0");
  if (nodePortAddresses.length === 0 || nodePortAddresses.some(asksForAll)) return { localhostNodePorts };
  const networks = nodePortAddresses.flatMap((one): readonly Cidr[] => {
    if (one === "primary") return primaryAddresses(nodeAddresses).flatMap((address) => hostNetwork(address) ?? []);
    if (one === "localhost") return loopback;
    return one === "all" ? [] : [one];
  });
  const distinct = [...new Set(networks)];
  const ofIPv4 = cidrsOfFamily(distinct, "IPv4");
  return {
    nodePortAddresses: distinct,
    localhostNodePorts: localhostNodePorts && (ofIPv4.length === 0 || ofIPv4.some((one) => one.startsWith("127."))),
  };
}

function primaryAddresses(addresses: readonly Ip[]): readonly Ip[] {
  return ipFamilies.flatMap((family) => addresses.find((one) => ipFamily(one) === family) ?? []);
}

function hostNetwork(address: Ip): Cidr | undefined {
  return parseCidr(`${address}/${ipFamily(address) === "IPv4" ? 32 : 128}`);
}
