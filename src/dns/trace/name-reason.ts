import { parseName, zoneOffset, dnsName, labelText } from "../../codec/index.ts";
import type { DnsName } from "../../codec/index.ts";
import type { Cache, EndpointSlice, Namespace, Service } from "../../objects/index.ts";
import { addressOfLabel } from "../address-bytes.ts";
import { nearNames } from "./near-names.ts";
import { endpointsOf, portsOf } from "./service-endpoints.ts";
import { whyNamespaceLeftOut, whyServiceLeftOut } from "./shown-names.ts";
import type { ShownNames } from "./shown-names.ts";
import { isZonal, zoneReason } from "./zone-reason.ts";

/** The objects of a cluster, as far as names come from them. */
export interface ClusterFacts {
  readonly domain: string;
  readonly services: Pick<Cache<Service>, "get" | "list">;
  readonly endpointSlices: Pick<Cache<EndpointSlice>, "list">;
  /** Whether they are ServiceImports and theirs, as `importedObjects()` shows them. */
  readonly isImported?: boolean;
  readonly namespaces?: Cache<Namespace> | undefined;
  /** Whether everything has arrived. */
  readonly isSynced: boolean;
  /** Which names of pods there are. */
  readonly pods: "disabled" | "insecure" | "verified";
  /** What the configuration leaves out although its objects are there; nothing unless given. */
  readonly shown?: ShownNames;
}

/** Why a name of the cluster is what it is: the objects that decide it. */
export interface NameReason {
  readonly kind:
    | "known"
    | "no such namespace"
    | "no such service"
    | "no ready endpoints"
    | "no such endpoint"
    | "no such port"
    | "no such pod"
    | "other family"
    | "nothing here"
    | "left out"
    | "not synced";
  /** For people: `Service shop/web` and so on. */
  readonly text: string;
  /** Names that may have been meant. */
  readonly near: readonly string[];
}

/** Why a name in the cluster's zone has an answer, or has none. `undefined` for names outside of it. */
export function nameReason(text: string, type: string, facts: ClusterFacts): NameReason | undefined {
  const name = parseName(text);
  const zoneAt = name === undefined ? -1 : zoneOffset(name, dnsName(facts.domain));
  if (name === undefined || zoneAt < 0) return undefined;
  const labels = labelsBefore(name, zoneAt);
  const [subtree, ...path] = labels.toReversed();
  const reason =
    subtree === "svc"
      ? serviceReason(path, type, facts)
      : subtree === "pod"
        ? podReason(path, facts)
        : apexReason(labels, facts.domain.replace(/\.$/, ""));
  if (facts.isSynced || reason.kind === "known") return reason;
  return { kind: "not synced", text: "not all objects of the cluster have arrived yet", near: [] };
}

function labelsBefore(name: DnsName, end: number): readonly string[] {
  const labels: string[] = [];
  for (let at = 0; at < end; at += 1 + (name[at] ?? 0)) labels.push(labelText(name, at));
  return labels;
}

function known(text: string): NameReason {
  return { kind: "known", text, near: [] };
}

function leftOut(text: string): NameReason {
  return { kind: "left out", text, near: [] };
}

function apexReason(labels: readonly string[], domain: string): NameReason {
  const name = labels.join(".");
  if (["", "dns", "ns.dns", "dns-version"].includes(name)) return known(`the zone ${domain} itself`);
  return {
    kind: "nothing here",
    text: `nothing but svc and pod is in ${domain}`,
    near: nearNames(name, ["svc", "pod"]),
  };
}

/** `path` is NAMESPACE, SERVICE, then one or two labels more (or a zone), from the right. */
function serviceReason(path: readonly string[], type: string, facts: ClusterFacts): NameReason {
  const [namespace, name, ...more] = path;
  if (namespace === undefined) return known("every namespace is below this name");
  const missing = namespaceReason(namespace, name, facts);
  if (missing !== undefined) return missing;
  const hidden = whyNamespaceLeftOut(namespace, facts.shown);
  if (hidden !== undefined) return leftOut(hidden);
  if (name === undefined) return known(`namespace ${namespace} is below this name, which itself has no records`);
  const service = facts.services.get(namespace, name);
  const isImport = facts.isImported === true;
  const isZone = !isImport && isZonal(more);
  const isTooLong = more.length > 2 && !isZone;
  if (service === undefined || isTooLong) return noService(namespace, name, isTooLong, facts);
  const endpoints = endpointsOf(service, facts.endpointSlices);
  const what = `${kindOf(facts)} ${namespace}/${name}`;
  const isServed = endpoints.some(({ isReady }) => isReady);
  const why = whyServiceLeftOut(what, service, isServed, facts.shown);
  if (why !== undefined) return leftOut(why);
  const { type: kind, clusterIP, externalName = "" } = service.spec;
  if (kind === "ExternalName") {
    if (more.length === 0) return known(`${what} is an alias of ${externalName}`);
    return { kind: "no such endpoint", text: `${what} is an alias, so nothing is below it`, near: [] };
  }
  const zone = isZone ? zoneReason(service, what, more, endpoints, facts.shown) : undefined;
  if (zone !== undefined && "kind" in zone) return zone;
  if (zone !== undefined) return familyReason(zone.what, zone.addresses, type);
  const [near = "", far = ""] = more;
  if (isImport && more.length === 2 && !near.startsWith("_") && !far.startsWith("_")) {
    return hostReason(what, `${far}.${near}`, endpoints);
  }
  if (more.length === 2) return portReason(service, what, more, facts);
  if (more.length === 1) return hostReason(what, near, endpoints);
  if (clusterIP !== "None") return familyReason(what, service.spec.clusterIPs ?? [clusterIP ?? ""], type);
  const ready = endpoints.filter(({ isReady }) => isReady);
  if (ready.length > 0) {
    const addresses = ready.map(({ address }) => address);
    return familyReason(`headless ${what} (${counted(ready.length, "ready endpoint")})`, addresses, type);
  }
  return {
    kind: "no ready endpoints",
    text: `headless ${what} has no ready endpoint: ${whyNone(service, endpoints, isImport)}`,
    near: [],
  };
}

function namespaceReason(namespace: string, name: string | undefined, facts: ClusterFacts): NameReason | undefined {
  const { namespaces, services } = facts;
  const exists =
    namespaces === undefined ? services.list(namespace).length > 0 : namespaces.get(undefined, namespace) !== undefined;
  if (exists) return undefined;
  const all =
    namespaces?.list().map(({ metadata }) => metadata.name) ??
    services.list().map(({ metadata }) => metadata.namespace ?? "");
  const similar = nearNames(namespace, all);
  const missing = { kind: "no such namespace", text: `there is no namespace ${namespace}` } as const;
  if (name !== undefined) {
    const services = similar.filter((one) => facts.services.get(one, name) !== undefined);
    const near =
      services.length > 0 ? services.map((one) => `${name}.${one}`) : similar.map((one) => `namespace ${one}`);
    return { ...missing, near };
  }
  // `web.svc.cluster.local` lacks a namespace: a Service's name stands in its place.
  const same = services.list().filter(({ metadata }) => metadata.name === namespace);
  return { ...missing, near: same.map(({ metadata }) => `${namespace}.${metadata.namespace ?? ""}`).slice(0, 3) };
}

function kindOf({ isImported }: ClusterFacts): string {
  return isImported === true ? "ServiceImport" : "Service";
}

function noService(namespace: string, name: string, isTooLong: boolean, facts: ClusterFacts): NameReason {
  const { services } = facts;
  if (isTooLong) return { kind: "no such service", text: `no name of a ${kindOf(facts)} has so many parts`, near: [] };
  const near = nearNames(
    name,
    services.list(namespace).map(({ metadata }) => metadata.name),
  ).map((one) => `${one}.${namespace}`);
  const elsewhere = services.list().filter(({ metadata }) => metadata.name === name);
  const places = elsewhere.map(({ metadata }) => `${name}.${metadata.namespace ?? ""}`).slice(0, 3);
  return {
    kind: "no such service",
    text: `there is no ${kindOf(facts)} ${namespace}/${name}`,
    near: [...near, ...places],
  };
}

function portReason(
  service: Service,
  what: string,
  [protocol = "", name = ""]: readonly string[],
  facts: ClusterFacts,
): NameReason {
  const ports = portsOf(service, facts.endpointSlices);
  const wanted = `${bare(name)}/${bare(protocol)}`;
  if (ports.includes(wanted)) return known(`${what} has the port ${wanted}`);
  const named = ports.filter((port) => !port.startsWith("/"));
  const list = named.length === 0 ? "no port of it has a name" : `its ports with names are ${named.join(", ")}`;
  return { kind: "no such port", text: `${what} has no port ${wanted}: ${list}`, near: [] };
}

function hostReason(what: string, host: string, endpoints: ReturnType<typeof endpointsOf>): NameReason {
  const found = endpoints.filter((endpoint) => endpoint.host === host);
  const ready = found.find(({ isReady }) => isReady);
  if (ready !== undefined) return known(`endpoint ${ready.target} of ${what}`);
  const [waiting] = found;
  if (waiting !== undefined) {
    return { kind: "no ready endpoints", text: `endpoint ${waiting.target} of ${what} is not ready`, near: [] };
  }
  const hosts = endpoints.filter(({ isReady }) => isReady).map((endpoint) => endpoint.host);
  const shown = hosts.slice(0, 3).join(", ") + (hosts.length > 3 ? ` and ${hosts.length - 3} more` : "");
  const list = hosts.length === 0 ? "it has no ready endpoints" : `its endpoints are called ${shown}`;
  return { kind: "no such endpoint", text: `${what} has no endpoint ${host}: ${list}`, near: nearNames(host, hosts) };
}

function familyReason(what: string, addresses: readonly string[], type: string): NameReason {
  const isThere = (address: string) => address.includes(":") === (type === "AAAA");
  if ((type !== "A" && type !== "AAAA") || addresses.some(isThere)) return known(what);
  const other = type === "AAAA" ? "IPv4" : "IPv6";
  return { kind: "other family", text: `${what} has ${other} addresses only`, near: [] };
}

function whyNone({ metadata, spec }: Service, endpoints: ReturnType<typeof endpointsOf>, isImport: boolean): string {
  const waiting = endpoints.map(({ target }) => target);
  if (waiting.length > 0) {
    const more = waiting.length > 3 ? ` and ${waiting.length - 3} more` : "";
    return `${waiting.slice(0, 3).join(", ")}${more} ${waiting.length === 1 ? "is" : "are"} not ready`;
  }
  const selector = Object.entries(spec.selector ?? {}).map(([key, value]) => `${key}=${value}`);
  if (isImport) return "no EndpointSlice has endpoints for it";
  if (selector.length === 0) return "it has no selector, and no EndpointSlice has endpoints for it";
  return `no running pod in ${metadata.namespace ?? "default"} has ${selector.join(",")}`;
}

function podReason([namespace, label, ...more]: readonly string[], facts: ClusterFacts): NameReason {
  if (namespace === undefined) return known("every namespace is below this name");
  const missing = facts.namespaces?.get(undefined, namespace) === undefined && facts.namespaces !== undefined;
  if (missing) return namespaceReason(namespace, label, facts) ?? known("");
  const hidden = whyNamespaceLeftOut(namespace, facts.shown);
  if (hidden !== undefined) return leftOut(hidden);
  if (label === undefined) return known(`namespace ${namespace} is below this name`);
  if (facts.pods === "disabled") {
    return { kind: "no such pod", text: "names of pods are turned off (pods disabled)", near: [] };
  }
  if (more.length > 0) return { kind: "no such pod", text: "no name of a pod has so many parts", near: [] };
  const address = addressOfLabel(label);
  if (address === undefined) return { kind: "no such pod", text: `${label} spells no address`, near: [] };
  // Who has which address is not known here; a name that is denied says it.
  return facts.pods === "insecure"
    ? known("pod names of this form are addresses spelled out (pods insecure)")
    : known(`it exists when a pod in ${namespace} has the address ${address} (pods verified)`);
}

function bare(label: string): string {
  return label.startsWith("_") ? label.slice(1) : label;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
