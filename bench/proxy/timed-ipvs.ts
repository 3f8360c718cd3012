import type { IpvsEngineOptions } from "#layers/proxy";

type Port = IpvsEngineOptions["ipvs"];

/** The same IPVS, which adds up how many milliseconds each of the kernel's tools takes, with all that is done to speak to it. */
export function timedIpvs(ipvs: Port, times: Map<string, number>): Port {
  return {
    list: (prefix) => ipvs.list(prefix),
    async apply(steps) {
      for (const step of steps) {
        const started = performance.now();
        await ipvs.apply([step]);
        times.set(step.kind, (times.get(step.kind) ?? 0) + performance.now() - started);
      }
    },
    destinations: (server) => ipvs.destinations(server),
    servers: () => ipvs.servers(),
    nodeAddresses: () => ipvs.nodeAddresses(),
    areOwn: (addresses) => ipvs.areOwn(addresses),
    nodeAddressesChanged: () => ipvs.nodeAddressesChanged(),
    fingerprint: () => ipvs.fingerprint(),
    setHeaders: (prefix) => ipvs.setHeaders(prefix),
    useCount: () => ipvs.useCount(),
    close: () => ipvs.close(),
  };
}
