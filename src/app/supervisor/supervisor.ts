import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { adminKubeconfig, createApiServer, createIdentity, openLmdb } from "../../apiserver/index.ts";
import { createCache, createEventRecorder } from "../../client/index.ts";
import { makeControllerCaches, registerNode, startControllers } from "../../controllers/index.ts";
import { cidr, cidrAddress, ip } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { createStaticZone } from "../../dns/index.ts";
import { inNamespace } from "../../kernel/index.ts";
import { kinds } from "../../kinds/index.ts";
import { buildTopology, enterLab, planTopology, startOutsideHost, startRelay } from "../../lab/index.ts";
import type { NodeMachine, Topology } from "../../lab/index.ts";
import { listenDns, secureRandom, stderrLogger, systemClock } from "../../net/index.ts";
import { resources } from "../../objects/index.ts";
import type { AgentInput } from "../agent-messages.ts";
import type { ManifestObject } from "../manifests.ts";
import { nodeDescription } from "../node-description.ts";
import { applyManifests } from "../apply.ts";
import { dnsObjects, ingressClassObjects, ingressServiceName, systemNamespace } from "../builtin-objects.ts";
import { serveControl } from "../control.ts";
import { startTime, writeLabRecord } from "../lab-directory.ts";
import type { LabOptions, SupervisorInput, SupervisorReport } from "../lab-options.ts";
import { startAgents } from "./agents.ts";
import { controlHandlers } from "./control-handlers.ts";
import { followEvents } from "./event-lines.ts";
import { followIngresses } from "./ingress-router.ts";
import { createPhases } from "./phases.ts";
import { forgetReadiness } from "./restored-pods.ts";
import { newestVersion, waitingLine, watchReadiness } from "./ready-watch.ts";

/** Where pods reach the API (the Service `kubernetes`): this port of the router. */
const apiPortOnLan = 6443;

/** What a supervisor starts with. */
export interface SupervisorStart {
  readonly input: SupervisorInput;
  /** What to apply when the API is there. */
  readonly manifests: Promise<readonly ManifestObject[]>;
  /** Processes of agents that load already. */
  readonly agents: readonly ChildProcess[];
  /** The listening socket on the host's loopback. */
  readonly apiListenerFd: number;
  readonly report: (report: SupervisorReport) => void;
}

/** A running lab, seen from inside. */
export interface Supervisor {
  /** Ends the agents and the API; the lab's namespaces end with this process. */
  stop(): void;
}

/**
 * Builds a lab around this process: its namespaces, the API server with all controllers, the world outside, and an agent
 * for each node; then applies the manifests and reports until everything is ready. Must be process 1 of fresh namespaces.
 * Rejects with `CodedError` that says what could not be made; the caller then ends the process, and with it the lab.
 */
export async function runSupervisor({
  input,
  manifests,
  agents: earlyAgents,
  apiListenerFd,
  report,
}: SupervisorStart): Promise<Supervisor> {
  const { options, directory } = input;
  const clock = systemClock;
  const random = secureRandom();
  const log = stderrLogger({ level: "warn", fields: { lab: options.name } });
  const phases = createPhases(input.startedAt, Date.now);
  const startedAt = new Date(input.startedAt).toISOString();
  phases.reached("supervisor");

  const { hostPid } = enterLab([directory.path]);
  const topology = planTopology(topologyOptions(options));
  buildTopology(topology);
  phases.reached("network");
  const server = await createApiServer({
    clock,
    logger: log,
    random,
    serviceCidrs: [cidr(options.serviceCidr)],
    nodePorts: { first: options.nodePortRange[0], last: options.nodePortRange[1] },
    endpoint: { address: topology.router.address, port: apiPortOnLan },
    ...(options.stateDirectory === undefined ? {} : { persistence: await openLmdb(options.stateDirectory) }),
  });
  const { api } = server;
  if (options.stateDirectory !== undefined) await forgetReadiness(api, clock.now());
  await server.listenUnix(directory.apiSocket);
  const agents = startAgents(
    topology.nodes.map((machine) => ({ machine, input: agentInput(input, topology, machine) })),
    earlyAgents,
    log,
    (message) => report({ kind: "problem", message }),
  );
  phases.reached("agents started");

  const identity = createIdentity(clock.now(), [topology.router.address, cidrAddress(cidr(options.serviceCidr), 1)]);
  const token = randomBytes(24).toString("base64url");
  await server.listenTls({ kind: "descriptor", fd: apiListenerFd }, identity, token);
  const enter = (listen: () => void) => inNamespace(topology.router.namespace, listen);
  await server.listenTls({ kind: "namespace", port: apiPortOnLan, enter }, identity, token);
  writeFileSync(directory.kubeconfig, adminKubeconfig({ server: input.server, caPem: identity.caPem, token }), {
    mode: 0o600,
  });
  writeLabRecord(directory, {
    name: options.name,
    hostPid,
    hostPidStart: startTime(process.pid) ?? "",
    userNamespace: input.userNamespace,
    server: input.server,
    startedAt,
  });

  // The nodes are there from the first moment on, so that pods spread over all of them; heartbeats decide from then on.
  for (const machine of topology.nodes) await registerNode(api, nodeDescription(machine), clock);
  const caches = makeControllerCaches((spec) => createCache(api, spec.resource, { ...spec, clock, log }));
  const events = createCache(api, resources.events, { clock, log });
  const controllers = startControllers({
    api,
    caches,
    recorder: createEventRecorder(api, { component: "sealane-controllers" }, clock, log),
    clock,
    log,
    random,
    options: {
      loadBalancerPools: [options.loadBalancerPool],
      node: { graceMs: options.nodeGraceMs },
      allResources: kinds.map(({ resource }) => resource),
      rootCaPem: identity.caPem,
      ingressService: { namespace: systemNamespace, name: ingressServiceName },
    },
  });
  phases.reached("API");

  const zone = await startOutsideWorld(topology, log);
  const relay = await startRelay(directory.relaySocket, log);
  await applyBuiltIns(api, options, topology);
  followIngresses(api, caches, zone, log);
  const stop = () => {
    controllers.stop();
    agents.stop();
    relay.close();
    void server.close();
  };
  await serveControl(
    directory.controlSocket,
    controlHandlers({
      input,
      topology,
      caches,
      agents,
      api,
      startedAt,
      phases,
      stop: () => {
        stop();
        setImmediate(() => process.exit(0));
      },
    }),
  );
  report({ kind: "up", phases: phases.times });

  const applied = await applyManifests(api, await manifests);
  const warnings = applied.storedOnly.map((name) => `${name}: stored, but nothing acts on it`);
  report({ kind: "applied", objects: applied.objects, warnings });
  phases.reached("applied");
  if (!input.detached) {
    followEvents(
      events,
      caches.endpointSlices,
      () => new Date(),
      (line) => report({ kind: "event", line }),
    );
  }

  watchReadiness(caches, [() => nodesMissing(caches.nodes.list().length, topology)], (waiting) => {
    if (waiting.length > 0) return report({ kind: "waiting", lines: waiting.map(waitingLine) });
    phases.reached("objects ready");
    const versions = {
      services: newestVersion(caches.services.list()),
      endpointSlices: newestVersion(caches.endpointSlices.list()),
    };
    void agents.whenApplied(versions).then(() => {
      phases.reached("ready");
      report({ kind: "ready", phases: phases.times });
    });
  });
  return { stop };
}

function nodesMissing(found: number, topology: Topology) {
  const missing = topology.nodes.length - found;
  if (missing <= 0) return undefined;
  return { object: "nodes", namespace: undefined, reason: `${missing} of ${topology.nodes.length} not registered yet` };
}

function topologyOptions(options: LabOptions) {
  return {
    nodes: options.nodes,
    zones: options.zones,
    lan: cidr(options.lan),
    pods: cidr(options.podCidr),
    outsideHosts: options.outsideHosts.map(({ name, address }) => ({ name, address: ip(address) })),
  };
}

function agentInput({ options, directory }: SupervisorInput, topology: Topology, machine: NodeMachine): AgentInput {
  return {
    nodeName: machine.name,
    nodeAddress: machine.address,
    zone: machine.zone,
    podCidr: machine.podCidr,
    directory: directory.path,
    apiSocket: directory.apiSocket,
    serviceCidr: options.serviceCidr,
    clusterCidr: topology.pods,
    dnsAddress: dnsAddressOf(options),
    clusterDomain: options.clusterDomain,
    dnsUpstreams: options.dnsUpstreams.length > 0 ? options.dnsUpstreams : [topology.nameserver],
    dnsCorefile: options.dnsCorefile,
    dnsAutopath: options.dnsAutopath,
    outsideNameserver: topology.nameserver,
    nodeAddressRange: [cidrAddress(topology.lan, 11), cidrAddress(topology.lan, 49)],
    heartbeatMs: options.nodeHeartbeatMs,
    proxy: { ...options.proxy, mode: options.proxyModes[machine.name] ?? options.proxy.mode },
    isSuccessor: false,
  };
}

/** The tenth address of the Service network, as kubeadm has it. */
function dnsAddressOf({ serviceCidr }: LabOptions): string {
  return cidrAddress(cidr(serviceCidr), 10);
}

/** The hosts that are not of the cluster, and the DNS that knows them: it answers on the router. */
async function startOutsideWorld(topology: Topology, log: Logger) {
  const names = topology.outsideHosts.map(({ name, address }) => [name, [address]] as const);
  const zone = createStaticZone(Object.fromEntries(names), { clock: systemClock, random: secureRandom(), log });
  const listener = inNamespace(topology.router.namespace, () =>
    listenDns({ addresses: [topology.router.address], port: 53, answer: zone.answer, synchronous: true }),
  );
  await Promise.all([listener.ready, ...topology.outsideHosts.map((host) => startOutsideHost(host, systemClock, log))]);
  return zone;
}

/** Objects that every lab has: the cluster DNS and the class of the built-in Ingress router. */
async function applyBuiltIns(api: Parameters<typeof applyManifests>[0], options: LabOptions, topology: Topology) {
  const objects = [...dnsObjects(dnsAddressOf(options), topology.nodes), ...ingressClassObjects()];
  await applyManifests(
    api,
    objects.map((object) => ({ source: "built-in", value: { ...object } })),
  );
}
