import { ipFamily, parseIp } from "../core/index.ts";
import type { IpFamily } from "../core/index.ts";
import type { Service } from "../objects/index.ts";

/** The address families of a Service, in its own order: as declared, else those of its cluster IPs, else IPv4. */
export function serviceFamilies(service: Service): readonly IpFamily[] {
  const { ipFamilies = [] } = service.spec;
  if (ipFamilies.length > 0) return ipFamilies;
  const families = new Set(
    clusterIPs(service)
      .flatMap((address) => parseIp(address) ?? [])
      .map(ipFamily),
  );
  return families.size > 0 ? [...families] : ["IPv4"];
}

/** The cluster IPs of a Service as texts; none for a headless Service and one of type ExternalName. */
export function clusterIPs(service: Service): readonly string[] {
  const { type, clusterIP = "", clusterIPs: all = [] } = service.spec;
  if (type === "ExternalName") return [];
  return (all.length > 0 ? all : [clusterIP]).filter((address) => address !== "" && address !== "None");
}
