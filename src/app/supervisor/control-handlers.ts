import { weightProblems } from "../../controllers/index.ts";
import { CodedError } from "../../core/index.ts";
import { parseResolvConf } from "../../dns/index.ts";
import { resolvePlace } from "../../lab/index.ts";
import type { Place, Topology } from "../../lab/index.ts";
import type { Cache, ClusterApi, Ingress, Pod } from "../../objects/index.ts";
import type { ControlHandler } from "../control.ts";
import type { TraceRequest } from "../dns/trace/trace-report.ts";
import { traceDns } from "../dns/trace/trace-request.ts";
import type { LabStatus } from "../lab-status.ts";
import type { SupervisorInput } from "../lab-options.ts";
import { parseMode } from "../../proxy/index.ts";
import { exchangeDatagram } from "../probe/sockets.ts";
import type { ProxyStats } from "../../proxy/index.ts";
import { probeHttp } from "../probe/http-probe.ts";
import type { DnsProbe, HttpProbe, UdpProbe } from "../probe/probe.ts";
import { addressAt, probeName } from "../probe/stub-resolver.ts";
import { notReady } from "../readiness.ts";
import { storedOnlyObjects } from "../stored-only.ts";
import { ingressSummaries, nodeSummaries, podsSummary, serviceSummaries } from "../status-of-cluster.ts";
import type { Agents } from "./agents.ts";
import type { Phases } from "./phases.ts";
import { clusterState } from "./ready-watch.ts";
import type { StateCaches } from "./ready-watch.ts";
import { readFileSync } from "node:fs";

/** What the control door's answers are made from. */
export interface ControlledLab {
  readonly input: SupervisorInput;
  readonly topology: Topology;
  readonly caches: StateCaches & { readonly ingresses: Cache<Ingress> };
  readonly agents: Agents;
  readonly api: ClusterApi;
  readonly startedAt: string;
  readonly phases: Phases;
  readonly stop: () => void;
}

/** The requests that other commands may send to a running lab. */
export function controlHandlers(lab: ControlledLab): Readonly<Record<string, ControlHandler>> {
  const placeOf = (text: string, namespace: string) =>
    resolvePlace(text, namespace, (ns, name) => lab.caches.pods.get(ns, name));
  return {
    status: () => labStatus(lab),
    phases: () => Promise.resolve(lab.phases.times),
    stop: () => {
      setImmediate(lab.stop);
      return Promise.resolve(null);
    },
    place: (body) => {
      const { place, namespace } = body as { readonly place: string; readonly namespace: string | null };
      return placeOf(place, namespace ?? namespaceOfPod(lab.caches.pods.list(), place));
    },
    "stop-node": (body) => Promise.resolve(lab.agents.stopNode(nodeIn(body))),
    "set-proxy-mode": async (body) => {
      const { mode } = body as { readonly mode?: unknown };
      const known = typeof mode === "string" ? parseMode(mode) : undefined;
      if (known === undefined) throw new CodedError("BadRequest", `There is no proxy mode ${JSON.stringify(mode)}`);
      await lab.agents.setProxyMode(nodeIn(body), known);
    },
    "start-node": (body) => Promise.resolve(lab.agents.startNode(nodeIn(body))),
    // Both ends of the control door are of the same version: bodies are what their types say.
    "probe-http": async (body) => {
      const probe = body as HttpProbe;
      const place = await placeOf(probe.from, probe.namespace);
      const address = await addressAt(place.namespace, resolverOf(place), new URL(probe.url).hostname);
      return probeHttp(place.namespace, address, probe);
    },
    "probe-udp": async (body) => {
      const { from, namespace, host, port, text, timeoutMs } = body as UdpProbe;
      const place = await placeOf(from, namespace);
      const address = await addressAt(place.namespace, resolverOf(place), host);
      const payload = new TextEncoder().encode(text);
      const answer = await exchangeDatagram(place.namespace, address, port, payload, timeoutMs);
      return { reply: answer === undefined ? null : new TextDecoder().decode(answer) };
    },
    "probe-dns": async (body) => {
      const probe = body as DnsProbe;
      const place = await placeOf(probe.from, probe.namespace);
      return probeName(place.namespace, resolverOf(place), probe);
    },
    "trace-dns": (body) => {
      const { agents, caches } = lab;
      const placeOfPod = ({ metadata }: Pod) => placeOf(`pod/${metadata.name}`, metadata.namespace ?? "default");
      const { clusterDomain } = lab.input.options;
      return traceDns({ clusterDomain, caches, agents, placeOf: placeOfPod }, body as TraceRequest);
    },
  };
}

/** The namespace of the only pod of that name; "default" when there is none, or more than one. */
function namespaceOfPod(pods: readonly Pod[], place: string): string {
  const name = place.slice(place.indexOf("/") + 1);
  const found = pods.filter(({ metadata }) => metadata.name === name);
  return (found.length === 1 ? found[0]?.metadata.namespace : undefined) ?? "default";
}

function nodeIn(body: unknown): string {
  const node = (body as { readonly node?: unknown } | null)?.node;
  if (typeof node !== "string") throw new CodedError("BadRequest", "Say which node");
  return /^[0-9]+$/.test(node) ? `node-${node}` : node;
}

function resolverOf(place: Place) {
  return parseResolvConf(readFileSync(`${place.files}/resolv.conf`, "utf8"));
}

async function labStatus({ input, topology, caches, agents, api, startedAt }: ControlledLab): Promise<LabStatus> {
  const state = clusterState(caches);
  const proxies = await proxyStatuses(topology, agents);
  return {
    name: input.options.name,
    server: input.server,
    kubeconfig: input.directory.kubeconfig,
    startedAt,
    nodes: nodeSummaries(state, proxies),
    services: serviceSummaries(state),
    ingresses: ingressSummaries(caches.ingresses.list()),
    pods: podsSummary(state.pods),
    outsideHosts: input.options.outsideHosts,
    storedOnly: await storedOnlyObjects(api),
    notReady: notReady(state),
    limitations: [
      ...limitationsOf(proxies),
      ...weightProblems(state.services, state.pods).map((problem) => ({ ...problem, nodes: [] })),
    ],
    serviceCidr: input.options.serviceCidr,
    proxy: input.options.proxy,
    addresses: {
      client: topology.client.address,
      router: topology.router.address,
      pool: input.options.loadBalancerPool,
    },
  };
}

/** What the nodes' proxies say of themselves; a node that does not answer in time is left out. */
async function proxyStatuses(topology: Topology, agents: Agents): Promise<ReadonlyMap<string, ProxyStats>> {
  const statuses = new Map<string, ProxyStats>();
  const asked = topology.nodes.map(async ({ name }) => {
    const silence = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), answerTimeoutMs).unref();
    });
    const status = await Promise.race([agents.ask(name, "proxy-status", null), silence]).catch(() => undefined);
    if (status !== undefined) statuses.set(name, status);
  });
  await Promise.all(asked);
  return statuses;
}

/** A node that takes longer is busy writing rules, or dead. */
const answerTimeoutMs = 1000;

/** Services that some nodes serve otherwise than they ask for, or not at all. */
function limitationsOf(proxies: ReadonlyMap<string, ProxyStats>): LabStatus["limitations"] {
  const found = new Map<string, { service: string; reason: string; nodes: string[] }>();
  for (const [node, { setAside, limitations }] of proxies) {
    const refused = setAside.map(({ service, reason }) => ({ service, reason: `refused by the kernel: ${reason}` }));
    for (const { service, reason } of [...refused, ...limitations]) {
      const entry = found.get(`${service} ${reason}`) ?? { service, reason, nodes: [] };
      entry.nodes.push(node);
      found.set(`${service} ${reason}`, entry);
    }
  }
  return [...found.values()];
}
