import { ip } from "#layers/core";
import { applyLinkSteps, openIpvsRules } from "#layers/kernel";
import type { IpvsEngineOptions } from "#layers/proxy";

/** IPVS that is empty, and takes at once whatever it is told: what is measured with it is the program's own work, without netlink and processes. */
export function kernelThatTakesAll(): IpvsEngineOptions["ipvs"] {
  return {
    list: () => Promise.resolve({ servers: [], sets: [], iptables: { IPv4: "", IPv6: "" }, addresses: [] }),
    apply: () => Promise.resolve(),
    destinations: () => [],
    servers: () => [],
    nodeAddresses: () => [ip("192.0.2.1")],
    areOwn: () => true,
    nodeAddressesChanged: () => false,
    fingerprint: () => "",
    setHeaders: () => [],
    useCount: () => "",
    close: () => undefined,
  };
}

/**
 * All of the kernel that mode ipvs needs but IPVS itself: sets, addresses, iptables and the processes for it. What this costs beyond a kernel that takes
 * all can be measured where there is no IPVS. The device is a bridge, because a kernel without IPVS may well lack dummy devices.
 */
export function kernelWithoutServers(): IpvsEngineOptions["ipvs"] {
  applyLinkSteps([{ kind: "bridge", name: "kube-ipvs0" }]);
  return openIpvsRules({
    ipvs: {
      servers: () => [],
      destinations: () => [],
      change: () => undefined,
      setTimeouts: () => undefined,
      close: () => undefined,
    },
  });
}
