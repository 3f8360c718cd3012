import { parseIp } from "../../core/index.ts";
import type { LoadBalancerIngress } from "../../objects/index.ts";
import { forbidden, invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { ipProblems } from "../validation/addresses.ts";
import { dnsSubdomainProblems, portNumberProblems } from "../validation/names.ts";
import { oneOf, problemsAt } from "../validation/values.ts";

/** What is wrong with the addresses that a load balancer reports; `needsMode` for Services, which say how they are reached. */
export function validateLoadBalancerIngress(
  ingress: readonly LoadBalancerIngress[],
  needsMode: boolean,
): readonly FieldError[] {
  return ingress.flatMap(({ ip = "", hostname = "", ipMode, ports = [] }, i) => {
    const field = `status.loadBalancer.ingress[${i}]`;
    const errors: FieldError[] = [];
    if (ip !== "") errors.push(...problemsAt(`${field}.ip`, ip, ipProblems(ip)));
    if (needsMode && ip !== "" && ipMode === undefined) {
      errors.push(required(`${field}.ipMode`, "must be specified when `ip` is set"));
    }
    if (ipMode !== undefined && ip === "") {
      errors.push(forbidden(`${field}.ipMode`, "may not be specified when `ip` is not set"));
    } else if (ipMode !== undefined && ipMode !== "VIP" && ipMode !== "Proxy") {
      errors.push(notSupported(`${field}.ipMode`, ipMode, ["VIP", "Proxy"]));
    }
    if (hostname !== "") {
      errors.push(...problemsAt(`${field}.hostname`, hostname, dnsSubdomainProblems(hostname)));
      if (parseIp(hostname) !== undefined) {
        errors.push(invalid(`${field}.hostname`, hostname, "must be a DNS name, not an IP address"));
      }
    }
    const portErrors = ports.flatMap((port, j) => [
      ...problemsAt(`${field}.ports[${j}].port`, port.port, portNumberProblems(port.port)),
      ...oneOf(`${field}.ports[${j}].protocol`, port.protocol, ["SCTP", "TCP", "UDP"], "required"),
    ]);
    return [...errors, ...portErrors];
  });
}
