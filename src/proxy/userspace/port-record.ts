import { isPort, parseIp } from "../../core/index.ts";
import type { Ip, IpFamily, Port } from "../../core/index.ts";
import type { Endpoint, Scheduler, ServicePlan } from "../../model/index.ts";
import type { RelayProtocol } from "./relay-port.ts";

/**
 * What the relay needs of a plan, in few bytes: most Services of a big cluster are never called on one node. Lists are
 * texts that `endpointsIn` reads.
 */
export interface PortRecord {
  readonly service: string;
  readonly portName: string;
  readonly protocol: RelayProtocol;
  readonly family: IpFamily;
  readonly port: Port;
  readonly nodePort: Port | undefined;
  /** All addresses but those of node ports, with a space between. */
  readonly addresses: string;
  readonly cluster: string;
  readonly local: string;
  /** Flows to others are stale. */
  readonly serving: string;
  readonly scheduler: Scheduler | undefined;
  readonly affinitySeconds: number | undefined;
}

/** One endpoint of a record. */
export interface RecordedEndpoint {
  /** Address and port: the same endpoint has the same key in every record. */
  readonly key: string;
  readonly ip: Ip;
  readonly port: Port;
  readonly weight: number;
}

/** The record of a plan; `undefined` for SCTP, which cannot be relayed. */
export function portRecord(plan: ServicePlan): PortRecord | undefined {
  const { service, portName, protocol, family, port, nodePort, scheduler, affinitySeconds } = plan;
  if (protocol === "SCTP") return undefined;
  const cluster = listText(plan.cluster);
  const local = listText(plan.local);
  const serving = listText(plan.serving);
  return {
    service,
    portName,
    protocol,
    family,
    port,
    nodePort,
    addresses: [plan.clusterIP, ...plan.loadBalancerIPs, ...plan.externalIPs].join(" "),
    cluster,
    // Usually they are the same, and one text is enough.
    local: local === cluster ? cluster : local,
    serving: serving === cluster ? cluster : serving,
    scheduler,
    affinitySeconds,
  };
}

function listText(endpoints: readonly Endpoint[]): string {
  return endpoints.map(({ ip, port, weight = 1 }) => `${ip} ${port} ${weight}`).join(",");
}

/** The endpoints that a text of a record lists. */
export function endpointsIn(list: string): readonly RecordedEndpoint[] {
  if (list === "") return [];
  return list.split(",").flatMap((text) => {
    const [address = "", port = "", weight = ""] = text.split(" ");
    const ip = parseIp(address);
    const number = Number(port);
    return ip === undefined || !isPort(number)
      ? []
      : [{ key: `${address} ${port}`, ip, port: number, weight: Number(weight) }];
  });
}

/** What clients of a record may come for, as `addressEntry` and `nodePortEntry` name it. */
export function entriesOf({ protocol, family, port, nodePort, addresses }: PortRecord): readonly string[] {
  const entries = addresses.split(" ").map((address) => addressEntry(protocol, address, port));
  return nodePort === undefined ? entries : [...entries, nodePortEntry(protocol, family, nodePort)];
}

export function addressEntry(protocol: RelayProtocol, address: string, port: Port): string {
  return `${address} ${protocol} ${port}`;
}

export function nodePortEntry(protocol: RelayProtocol, family: IpFamily, port: Port): string {
  return `${family} ${protocol} ${port}`;
}

/** Names a port of a Service in one family. */
export function recordId({ service, portName, protocol, family }: PortRecord): string {
  return `${service}:${portName} ${protocol} ${family}`;
}
