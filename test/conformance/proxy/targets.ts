import type { IpFamily, Protocol } from "../../../src/core/index.ts";
import { addressOf } from "./places.ts";
import type { NodeName } from "./places.ts";
import { servicePort, virtualAddresses } from "./service-objects.ts";
import type { Target } from "./senders.ts";

/** The cluster IP of the Service with this number. */
export function clusterIP(number: number, family: IpFamily = "IPv4", protocol: Protocol = "TCP"): Target {
  return { family, protocol, destination: virtualAddresses(number, family).cluster, port: servicePort };
}

export function loadBalancerIP(number: number, family: IpFamily = "IPv4", protocol: Protocol = "TCP"): Target {
  return { family, protocol, destination: virtualAddresses(number, family).loadBalancer, port: servicePort };
}

export function externalIP(number: number, family: IpFamily = "IPv4", protocol: Protocol = "TCP"): Target {
  return { family, protocol, destination: virtualAddresses(number, family).external, port: servicePort };
}

export function nodePort(
  node: NodeName,
  number: number,
  family: IpFamily = "IPv4",
  protocol: Protocol = "TCP",
): Target {
  return {
    family,
    protocol,
    destination: addressOf(node, family),
    port: virtualAddresses(number, family).nodePort,
  };
}
