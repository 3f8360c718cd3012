import type { Ip, IpFamily, Port, Protocol } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import type { FlowQuery, TrackedFlow } from "./ports.ts";

/** Where clients of a Service send to, and who may answer them. */
export interface FlowEntry {
  readonly family: IpFamily;
  readonly protocol: Protocol;
  /** Absent for a node port: any address. */
  readonly address?: Ip;
  readonly port: Port;
  readonly endpoints: ReadonlySet<string>;
  /** Only flows to which nothing has come back are looked at. */
  readonly unreplied?: true;
}

/**
 * Flows of these protocols outlive their endpoint: nobody tells the client that it has gone. TCP resets by itself, so
 * its flows are looked at only on request. Calls over TCP that nobody has answered are looked at in any case: the client repeats them, and the kernel
 * goes on to send them where it sent the first one.
 */
export function cleanedProtocols(resetRemoved: boolean): ReadonlySet<Protocol> {
  return new Set(resetRemoved ? ["UDP", "SCTP", "TCP"] : ["UDP", "SCTP"]);
}

/**
 * The entries of a Service: of its plans now, and of those before that are gone, which nobody answers any more. But TCP connections of a Service that is gone
 * go on: no rule is left that would tell the client.
 */
export function flowEntries(
  now: readonly ServicePlan[],
  before: readonly ServicePlan[],
  protocols: ReadonlySet<Protocol>,
): readonly FlowEntry[] {
  const entriesNow = now.flatMap((plan) => entriesOf(plan, protocols, servingOf(plan)));
  const known = new Set(entriesNow.map(flowId));
  const gone = before
    .flatMap((plan) => entriesOf(plan, protocols, nobody))
    .filter((entry) => entry.protocol !== "TCP" && !known.has(flowId(entry)));
  return [...entriesNow, ...gone];
}

const nobody: ReadonlySet<string> = new Set();

function servingOf({ serving }: ServicePlan): ReadonlySet<string> {
  return new Set(serving.map(({ ip, port }) => `${ip} ${port}`));
}

function entriesOf(
  plan: ServicePlan,
  protocols: ReadonlySet<Protocol>,
  endpoints: ReadonlySet<string>,
): readonly FlowEntry[] {
  const { family, protocol, port } = plan;
  const outside = [...plan.loadBalancerIPs, ...plan.externalIPs];
  if (!protocols.has(protocol)) {
    // What nobody serves of the other ways to a Service is refused or dropped, and not tracked.
    if (protocol !== "TCP") return [];
    return outside.map((address) => ({ family, protocol, address, port, endpoints, unreplied: true }));
  }
  const addresses = [plan.clusterIP, ...outside];
  return [
    ...addresses.map((address) => ({ family, protocol, address, port, endpoints })),
    ...(plan.nodePort === undefined ? [] : [{ family, protocol, port: plan.nodePort, endpoints }]),
  ];
}

/**
 * What to ask the kernel for after a change: flows answered by endpoints that went, and flows to a node port or an
 * outside address that came, to which clients may have sent before. A cluster IP without endpoints refuses, so that
 * nothing is tracked. Most changes need no question at all; the kernel walks its whole table for each.
 */
export function flowQueries(
  now: readonly ServicePlan[],
  before: readonly ServicePlan[],
  protocols: ReadonlySet<Protocol>,
): readonly FlowQuery[] {
  const entriesNow = new Map(flowEntries(now, [], protocols).map((entry) => [flowId(entry), entry]));
  const entriesBefore = new Map(
    before.flatMap((plan) => entriesOf(plan, protocols, servingOf(plan))).map((entry) => [flowId(entry), entry]),
  );
  const queries = new Map<string, FlowQuery>();
  for (const [id, { family, protocol, endpoints, unreplied }] of entriesBefore) {
    if (unreplied === true) continue;
    const kept = entriesNow.get(id)?.endpoints;
    if (protocol === "TCP" && kept === undefined) continue;
    for (const endpoint of endpoints) {
      if (kept?.has(endpoint) === true) continue;
      const [ip, port] = endpoint.split(" ");
      const answeredBy = { ip: ip as Ip, port: Number(port) };
      queries.set(`${family} ${protocol} by ${endpoint}`, { family, protocol, answeredBy });
    }
  }
  const clusterIPs = new Set(now.map(({ clusterIP }) => clusterIP));
  for (const [id, { family, protocol, address, port }] of entriesNow) {
    if (entriesBefore.has(id) || (address !== undefined && clusterIPs.has(address))) continue;
    const destination = { port, ...(address === undefined ? {} : { ip: address }) };
    const query = { family, protocol, destination };
    if (protocol !== "TCP") queries.set(`${family} ${protocol} to ${id}`, query);
    // A TCP connection that was there before found its server without the Service. A node refuses what comes to a port that nobody serves.
    else if (address !== undefined) queries.set(`${family} ${protocol} to ${id}`, { ...query, unreplied: true });
  }
  return [...queries.values()];
}

/** More questions than this cost more than listing all flows of a protocol once. */
const mostQueries = 16;

/** The same questions, or few that include them. */
export function fewQueries(queries: readonly FlowQuery[]): readonly FlowQuery[] {
  return queries.length <= mostQueries ? queries : wholeTables(queries);
}

/** One question for each family and protocol, instead of many exact ones. */
export function wholeTables(of: readonly Pick<FlowQuery, "family" | "protocol" | "unreplied">[]): readonly FlowQuery[] {
  const tables = new Map<string, FlowQuery>();
  for (const { family, protocol, unreplied } of of) {
    const id = `${family} ${protocol}`;
    // Who asks for all flows gets the others, too.
    if (unreplied !== true) tables.set(id, { family, protocol });
    else if (!tables.has(id)) tables.set(id, { family, protocol, unreplied });
  }
  return [...tables.values()];
}

/** A text that is equal for equal destinations. */
export function flowId({ family, protocol, address, port }: Omit<FlowEntry, "endpoints">): string {
  return `${family} ${protocol} ${address ?? ""} ${port}`;
}

/**
 * The flows that go to one of the entries but are answered by no endpoint of it: redirected to one that has gone, or from
 * before the Service was there. A client that keeps sending would keep such a flow alive for ever.
 */
export function staleFlows<F extends TrackedFlow>(flows: readonly F[], entries: readonly FlowEntry[]): readonly F[] {
  const byId = new Map(entries.map((entry) => [flowId(entry), entry]));
  return flows.filter((flow) => {
    const { family, protocol, destination, destinationPort: port, answeredBy, answeredFrom, isReplied } = flow;
    const entry =
      byId.get(flowId({ family, protocol, address: destination, port })) ??
      byId.get(flowId({ family, protocol, port }));
    if (entry === undefined || entry.endpoints.has(`${answeredBy} ${answeredFrom}`)) return false;
    if (protocol === "TCP") return !isReplied || (entry.unreplied !== true && answeredBy !== destination);
    // It may be on its way to another node, which redirects it. Unlike UDP, an association without its entry is invalid.
    return protocol !== "SCTP" || entry.address !== undefined || answeredBy !== destination;
  });
}
