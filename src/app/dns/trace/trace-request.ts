import { readFileSync } from "node:fs";
import { randomInt } from "node:crypto";
import { parseName } from "../../../codec/index.ts";
import { CodedError, hasCode, ipToBytes, parseIp } from "../../../core/index.ts";
import type { Ip } from "../../../core/index.ts";
import {
  cheaperWays,
  costOf,
  findingsOf,
  nameReason,
  nearNames,
  parseResolvConf,
  resolverSettings,
} from "../../../dns/index.ts";
import type { Lookup, TracedLookup } from "../../../dns/index.ts";
import type { Place } from "../../../lab/index.ts";
import type { Cache, EndpointSlice, Pod, Service } from "../../../objects/index.ts";
import type { Agents } from "../../supervisor/agents.ts";
import type { TraceReport, TraceRequest } from "./trace-report.ts";
import { traceLookup } from "./trace-lookup.ts";
import type { Explainer } from "./trace-lookup.ts";

/** The parts of a lab that tracing needs. */
export interface TracedLab {
  readonly clusterDomain: string;
  readonly caches: {
    readonly pods: Cache<Pod>;
    readonly services: Cache<Service>;
    readonly endpointSlices: Cache<EndpointSlice>;
  };
  readonly agents: Pick<Agents, "ask">;
  /** Where a pod is. Rejects with `CodedError` when it does not run. */
  readonly placeOf: (pod: Pod) => Promise<Place>;
}

/**
 * Looks a name up as a pod does, with real queries from its network. Rejects with `CodedError`: "NoSuchPod", "Place" for one
 * that does not run, "BadName".
 */
export async function traceDns(lab: TracedLab, request: TraceRequest): Promise<TraceReport> {
  const pod = findPod(lab.caches.pods, request);
  const lookup = lookupOf(request);
  const place = await lab.placeOf(pod);
  const resolvConf = parseResolvConf(readFileSync(`${place.files}/resolv.conf`, "utf8"));
  const settings = resolverSettings(request.resolver, resolvConf);
  const { nodeName = "", dnsPolicy = "ClusterFirst" } = pod.spec;
  const withoutQuery = answerOfFiles(readFileSync(`${place.files}/hosts`, "utf8"), lookup);
  const trace: TracedLookup =
    withoutQuery === undefined
      ? await traceLookup(lookup, {
          namespace: place.namespace,
          settings,
          firstServer: randomInt(3),
          explainer: explainerOf(lab.agents, nodeName),
        })
      : { settings, names: [], skipped: [], end: "found", results: withoutQuery.results, microseconds: 0 };
  const isClusters = asksCluster(lab, settings.servers);
  const answerers = trace.names.flatMap(({ queries }) => queries.map(({ answeredBy }) => answeredBy));
  const mayAutopath =
    isClusters && isUsual(pod) && !answerers.some((one) => one.startsWith("autopath")) && lookup.types[0] !== "PTR";
  return {
    pod: { namespace: pod.metadata.namespace ?? "default", name: pod.metadata.name, node: nodeName, dnsPolicy },
    resolver: request.resolver,
    resolvConf,
    remarks: settings.remarks,
    name: request.name,
    types: lookup.types,
    withoutQuery: withoutQuery?.from,
    names: trace.names,
    skipped: trace.skipped,
    end: trace.end,
    results: trace.results,
    microseconds: trace.microseconds,
    cost: costOf(trace),
    cheaper: cheaperWays(trace, lookup, mayAutopath),
    findings: findingsOf(trace, {
      text: whyNotCluster(pod, settings.servers),
      clusterNames: isClusters ? [] : clusterNames(lab, pod, lookup),
    }),
  };
}

function findPod(pods: Cache<Pod>, { pod: text, namespace }: TraceRequest): Pod {
  const all = pods.list();
  const dot = text.lastIndexOf(".");
  const [name, ns] = dot < 0 ? [text, ""] : [text.slice(0, dot), text.slice(dot + 1)];
  const whole = all.filter(
    ({ metadata }) => metadata.name === text && (namespace ?? metadata.namespace) === metadata.namespace,
  );
  const split =
    namespace === null ? all.filter(({ metadata }) => metadata.name === name && metadata.namespace === ns) : [];
  const [found, another] = whole.length > 0 ? whole : split;
  if (found !== undefined && another === undefined) return found;
  if (found !== undefined) {
    const usual = whole.find(({ metadata }) => metadata.namespace === "default");
    if (usual !== undefined) return usual;
    const list = whole.map(({ metadata }) => `pod/${text}.${metadata.namespace}`).join(", ");
    throw new CodedError("NoSuchPod", `More than one pod is called ${text}: say which, ${list}`);
  }
  const known = new Map(all.map(({ metadata }) => [metadata.name, `pod/${metadata.name}.${metadata.namespace ?? ""}`]));
  const elsewhere = all.filter(({ metadata }) => metadata.name === text).map(({ metadata }) => metadata.name);
  const near = [
    ...elsewhere,
    ...nearNames(text, known.keys()),
    ...nearNames(name, known.keys()),
    ...startingWith(name, known.keys()),
  ];
  const [first, ...more] = [...new Set(near)].slice(0, 3).map((one) => known.get(one) ?? one);
  const hint =
    first === undefined ? '"kubectl get pods -A" shows all' : `did you mean ${[first, ...more].join(" or ")}?`;
  const where = namespace === null ? "this lab" : `namespace ${namespace}`;
  throw new CodedError("NoSuchPod", `There is no pod ${text} in ${where}: ${hint}`);
}

/** Pods of a Deployment are known by what their names begin with. */
function startingWith(name: string, known: Iterable<string>): readonly string[] {
  return name === "" ? [] : [...known].filter((one) => one.startsWith(`${name}-`)).slice(0, 3);
}

function lookupOf({ name, types }: TraceRequest): Lookup {
  const address = parseIp(name);
  if (address !== undefined && (types === null || types.includes("PTR"))) {
    return { name: reverseName(address), types: ["PTR"] };
  }
  if (address === undefined && parseName(name) === undefined) {
    const why = "a name has labels of 1 to 63 characters between dots, and 253 characters in all";
    throw new CodedError("BadName", `${JSON.stringify(name)} is no domain name: ${why}`);
  }
  return { name, types: types ?? ["A", "AAAA"] };
}

function reverseName(address: Ip): string {
  const bytes = [...ipToBytes(address)];
  if (bytes.length === 4) return `${bytes.toReversed().join(".")}.in-addr.arpa.`;
  const nibbles = bytes.flatMap((byte) => [byte >> 4, byte & 15]).map((nibble) => nibble.toString(16));
  return `${nibbles.toReversed().join(".")}.ip6.arpa.`;
}

/** What a resolver knows without a query: addresses, and the names in `/etc/hosts`. */
function answerOfFiles(
  hosts: string,
  { name, types }: Lookup,
): { readonly from: string; readonly results: readonly string[] } | undefined {
  if (parseIp(name) !== undefined) return { from: "the name is an address", results: [name] };
  if (!types.some((type) => type === "A" || type === "AAAA")) return undefined;
  const results = hosts.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    const isWanted = types.includes(address.includes(":") ? "AAAA" : "A");
    return isWanted && names.some((one) => one.toLowerCase() === name.toLowerCase()) ? [address] : [];
  });
  return results.length === 0 ? undefined : { from: "the pod's /etc/hosts", results };
}

/** The DNS of the pod's node. When its agent does not run, nobody can tell; the queries show that by themselves. */
function explainerOf(agents: Pick<Agents, "ask">, node: string): Explainer {
  const unless =
    <T>(otherwise: T) =>
    (error: unknown) => {
      if (hasCode(error, "NodeDown")) return otherwise;
      throw error;
    };
  return {
    begin: async (port) => {
      await agents.ask(node, "begin-explaining", { port }).catch(unless(null));
    },
    end: (port) => agents.ask(node, "end-explaining", { port }).catch(unless([])),
  };
}

function asksCluster({ caches }: TracedLab, servers: readonly string[]): boolean {
  const { clusterIP } = caches.services.get("kube-system", "kube-dns")?.spec ?? {};
  return clusterIP !== undefined && servers.includes(clusterIP);
}

/** Whether autopath is for this pod: its search list is the usual one of its namespace. */
function isUsual({ spec }: Pod): boolean {
  const { dnsPolicy = "ClusterFirst", hostNetwork, dnsConfig } = spec;
  return dnsPolicy === "ClusterFirst" && hostNetwork !== true && (dnsConfig?.searches ?? []).length === 0;
}

function whyNotCluster({ metadata, spec }: Pod, servers: readonly string[]): string {
  const { dnsPolicy = "ClusterFirst", hostNetwork = false } = spec;
  const policy =
    hostNetwork && dnsPolicy === "ClusterFirst"
      ? "hostNetwork is true and dnsPolicy is not ClusterFirstWithHostNet"
      : `dnsPolicy is ${dnsPolicy}`;
  return `pod/${metadata.name} asks ${servers.join(", ")} and not cluster DNS, because its ${policy}`;
}

/** The names that this lookup would have found with the usual search list. */
function clusterNames(lab: TracedLab, { metadata }: Pod, { name, types }: Lookup): readonly string[] {
  const [type = "A"] = types;
  const { services, endpointSlices } = lab.caches;
  const domain = lab.clusterDomain;
  const facts = { domain, services, endpointSlices, isSynced: true, pods: "insecure" } as const;
  const searches = [`${metadata.namespace ?? "default"}.svc.${domain}`, `svc.${domain}`, domain];
  const candidates = name.endsWith(".") ? [name] : [...searches.map((search) => `${name}.${search}`), name];
  return candidates.filter((one) => {
    const isService = one.replace(/\.$/, "").split(".").length >= domain.split(".").length + 3;
    return isService && nameReason(one, type, facts)?.kind === "known";
  });
}
