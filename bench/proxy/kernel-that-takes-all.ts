import { ip } from "#layers/core";
import type { IpvsEngineOptions } from "#layers/proxy";

/** IPVS that is empty, and takes at once whatever it is told: what is measured with it is the program's own work, without netlink and processes. */
export function kernelThatTakesAll(): IpvsEngineOptions["ipvs"] {
  return {
    list: () => Promise.resolve({ servers: [], sets: [], iptables: { IPv4: "", IPv6: "" }, addresses: [] }),
    apply: () => Promise.resolve(),
    destinations: () => [],
    servers: () => [],
    nodeAddresses: () => [ip("192.0.2.1")],
    nodeAddressesChanged: () => false,
    fingerprint: () => "",
    setSizes: () => new Map(),
    useCount: () => "",
    close: () => undefined,
  };
}
