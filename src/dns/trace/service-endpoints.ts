import { serviceKeyOf } from "../../objects/index.ts";
import type { Cache, EndpointSlice, Service } from "../../objects/index.ts";
import { dashedAddress } from "../address-bytes.ts";
import { parseIp } from "../../core/index.ts";

type Slices = Pick<Cache<EndpointSlice>, "list">;

/** One address of a Service's endpoints, ready or not. */
export interface ServiceEndpoint {
  readonly address: string;
  /** The label in front of the Service's name. */
  readonly host: string;
  /** What is behind it: `pod/web-0`, or the address. */
  readonly target: string;
  readonly isReady: boolean;
  /** In lower case; undefined when its slice says none. */
  readonly zone: string | undefined;
}

/** All endpoints of a Service, each once however many slices have it. */
export function endpointsOf(service: Service, slices: Slices): readonly ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
  for (const { endpoints } of slicesOf(service, slices)) {
    for (const { addresses, hostname, targetRef, conditions, zone } of endpoints) {
      for (const address of addresses) {
        const parsed = parseIp(address);
        const host = hostname ?? (parsed === undefined ? address : dashedAddress(parsed));
        const target =
          targetRef?.name === undefined ? address : `${(targetRef.kind ?? "pod").toLowerCase()}/${targetRef.name}`;
        const isReady = conditions?.ready !== false || found.get(`${host} ${address}`)?.isReady === true;
        found.set(`${host} ${address}`, { address, host, target, isReady, zone: zone?.toLowerCase() });
      }
    }
  }
  return [...found.values()];
}

/** The ports of a Service as `NAME/PROTOCOL` in lower case; the name is empty for ports without one. */
export function portsOf(service: Service, slices: Slices): readonly string[] {
  const own = service.spec.clusterIP === "None" ? slicesOf(service, slices).flatMap(({ ports }) => ports ?? []) : [];
  const ports = own.length > 0 ? own : (service.spec.ports ?? []);
  return [...new Set(ports.map(({ name = "", protocol = "TCP" }) => `${name}/${protocol}`.toLowerCase()))];
}

function slicesOf({ metadata }: Service, slices: Slices): readonly EndpointSlice[] {
  const key = `${metadata.namespace ?? ""}/${metadata.name}`;
  return slices.list(metadata.namespace).filter((slice) => serviceKeyOf(slice) === key && slice.addressType !== "FQDN");
}
