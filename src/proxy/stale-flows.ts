import type { Ip, IpFamily, Port } from "../core/index.ts";
import type { ServicePlan } from "../model/index.ts";
import type { UdpFlow } from "./ports.ts";

/** Where clients of a UDP Service send to, and who may answer them. */
export interface UdpEntry {
  readonly family: IpFamily;
  /** Absent for a node port: any address. */
  readonly address?: Ip;
  readonly port: Port;
  readonly endpoints: ReadonlySet<string>;
}

/** The UDP entries of a Service: of its plans now, and of those before that are gone, which nobody answers any more. */
export function udpEntries(now: readonly ServicePlan[], before: readonly ServicePlan[]): readonly UdpEntry[] {
  const entries = now.flatMap((plan) => entriesOf(plan, new Set(plan.serving.map(({ ip, port }) => `${ip} ${port}`))));
  const known = new Set(entries.map(idOf));
  const gone = before.flatMap((plan) => entriesOf(plan, new Set())).filter((entry) => !known.has(idOf(entry)));
  return [...entries, ...gone];
}

function entriesOf(plan: ServicePlan, endpoints: ReadonlySet<string>): readonly UdpEntry[] {
  if (plan.protocol !== "UDP") return [];
  const { family, port } = plan;
  const addresses = [plan.clusterIP, ...plan.loadBalancerIPs, ...plan.externalIPs];
  return [
    ...addresses.map((address) => ({ family, address, port, endpoints })),
    ...(plan.nodePort === undefined ? [] : [{ family, port: plan.nodePort, endpoints }]),
  ];
}

/**
 * Whether a change may have left flows that no endpoint answers: an endpoint went, an entry went, or a node port or an outside address came, to
 * which clients may have sent before. A cluster IP without endpoints refuses, so that nothing is tracked. Listing flows is
 * dear (the kernel walks its whole table), so most changes must do without.
 */
export function mayLeaveFlows(now: readonly ServicePlan[], before: readonly ServicePlan[]): boolean {
  const entriesNow = new Map(udpEntries(now, []).map((entry) => [idOf(entry), entry]));
  const entriesBefore = new Map(udpEntries(before, []).map((entry) => [idOf(entry), entry]));
  for (const [id, { endpoints }] of entriesBefore) {
    const kept = entriesNow.get(id)?.endpoints;
    for (const endpoint of endpoints) if (kept?.has(endpoint) !== true) return true;
  }
  const clusterIPs = new Set(now.map(({ clusterIP }) => clusterIP));
  return [...entriesNow].some(
    ([id, { address }]) => !entriesBefore.has(id) && (address === undefined || !clusterIPs.has(address)),
  );
}

function idOf({ family, address, port }: UdpEntry): string {
  return `${family} ${address ?? ""} ${port}`;
}

/**
 * The flows that go to one of the entries but are answered by no endpoint of it: redirected to one that has gone, or from
 * before the Service was there. A UDP client that keeps sending would keep such a flow alive for ever.
 */
export function staleFlows<F extends UdpFlow>(flows: readonly F[], entries: readonly UdpEntry[]): readonly F[] {
  const byId = new Map(entries.map((entry) => [idOf(entry), entry]));
  return flows.filter(({ family, destination, destinationPort: port, answeredBy, answeredFrom }) => {
    const entry =
      byId.get(idOf({ family, address: destination, port, endpoints: new Set() })) ?? byId.get(`${family}  ${port}`);
    return entry !== undefined && !entry.endpoints.has(`${answeredBy} ${answeredFrom}`);
  });
}
