import type { Endpoint } from "../../objects/index.ts";

/** What makes an endpoint the same one over time: its address and the pod behind it. */
export function endpointIdentity(endpoint: Endpoint): string {
  return `${endpoint.addresses[0] ?? ""}|${endpoint.targetRef?.uid ?? endpoint.targetRef?.name ?? ""}`;
}

/** Whether two endpoints say the same; written out because it runs for every endpoint of every changed Service. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return (
    sameList(a.addresses, b.addresses) &&
    (a.conditions?.ready ?? true) === (b.conditions?.ready ?? true) &&
    (a.conditions?.serving ?? true) === (b.conditions?.serving ?? true) &&
    (a.conditions?.terminating ?? false) === (b.conditions?.terminating ?? false) &&
    a.hostname === b.hostname &&
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    a.targetRef?.name === b.targetRef?.name &&
    a.targetRef?.uid === b.targetRef?.uid &&
    sameList(names(a.hints?.forZones), names(b.hints?.forZones)) &&
    sameList(names(a.hints?.forNodes), names(b.hints?.forNodes))
  );
}

function names(list: readonly { readonly name: string }[] | undefined): readonly string[] {
  return list === undefined ? [] : list.map(({ name }) => name);
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
