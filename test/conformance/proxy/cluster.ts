import { openConntrack } from "../../../src/kernel/index.ts";
import type { NodeNetwork } from "../../../src/model/index.ts";
import { systemClock } from "../../../src/net/index.ts";
import { endpointSliceIndexers } from "../../../src/objects/index.ts";
import type { EndpointSlice, EventRecorder, Node, Service } from "../../../src/objects/index.ts";
import { createProxy } from "../../../src/proxy/index.ts";
import type { Proxy } from "../../../src/proxy/index.ts";
import { FakeCache } from "../../support/fake-cache.ts";
import type { EngineUnderTest } from "./engines.ts";
import { healthPortsIn } from "./health-ports.ts";
import { TestNetwork } from "./network.ts";
import type { PacketCase } from "./packet-case.ts";
import { nodeObject, nodes, serviceCidrs } from "./places.ts";
import type { NodeName, Place, PodName } from "./places.ts";
import { Senders } from "./senders.ts";
import type { Target } from "./senders.ts";
import { namespace, serviceOf, slicesOf } from "./service-objects.ts";
import type { ServiceOptions, SliceEntry } from "./service-objects.ts";

/** What must come comes at once; this long on a machine that is busy with other things. */
const patienceMs = 10_000;

/** The network with a proxy of the engine on each node, and caches that the test fills by hand. */
export class ClusterUnderTest {
  readonly engine: EngineUnderTest;
  readonly network = new TestNetwork();
  readonly senders = new Senders(this.network);
  readonly services = new FakeCache<Service>();
  readonly slices = new FakeCache<EndpointSlice>([], endpointSliceIndexers);
  readonly nodes = new FakeCache<Node>(nodes.map(nodeObject));
  readonly events: { readonly object: string; readonly reason: string }[] = [];
  readonly #proxies = new Map<NodeName, Proxy>();
  readonly #healthPorts = new Map<NodeName, { close(): void }>();

  constructor(engine: EngineUnderTest) {
    this.engine = engine;
  }

  /** Starts a proxy on each node with these settings. */
  async start(settings: Partial<NodeNetwork> = {}): Promise<void> {
    for (const node of nodes) this.startOn(node, settings);
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.whenSynced()));
  }

  startOn(
    nodeName: NodeName,
    settings: Partial<NodeNetwork> = {},
    options: { readonly resetRemoved?: boolean } = {},
  ): Proxy {
    const path = this.network.path(nodeName);
    const recorder: EventRecorder = {
      record: (object, _type, reason) => this.events.push({ object: object.metadata.name, reason }),
    };
    this.#healthPorts.get(nodeName)?.close();
    const healthChecks = healthPortsIn(path);
    this.#healthPorts.set(nodeName, healthChecks);
    const proxy = createProxy({
      nodeName,
      caches: { services: this.services, endpointSlices: this.slices, nodes: this.nodes },
      engine: this.engine.open(path, options),
      ...options,
      flows: openConntrack({ namespace: path }),
      healthChecks,
      recorder,
      clock: systemClock,
      network: { serviceCidrs, localhostNodePorts: true, ...settings },
      watchKernelMs: 20,
    });
    this.#proxies.set(nodeName, proxy);
    return proxy;
  }

  proxy(node: NodeName): Proxy {
    const proxy = this.#proxies.get(node);
    if (proxy === undefined) throw new Error(`no proxy runs on ${node}`);
    return proxy;
  }

  /** Puts a case's objects into the cluster. */
  add({ service, slices }: Pick<PacketCase, "service" | "slices">): void {
    for (const slice of slices) this.slices.set(slice);
    this.services.set(service);
  }

  /** Puts a Service with its endpoints into the cluster, and waits until both nodes serve it. */
  async serve(
    name: string,
    number: number,
    entries: readonly (PodName | SliceEntry)[],
    options: ServiceOptions = {},
  ): Promise<void> {
    this.add({ service: serviceOf(name, number, options), slices: slicesOf(name, entries) });
    await this.settled();
  }

  /** Gives a Service other endpoints, and waits until both nodes use them. */
  async endpoints(name: string, entries: readonly (PodName | SliceEntry)[]): Promise<void> {
    for (const slice of slicesOf(name, entries)) this.slices.set(slice);
    await this.settled();
  }

  /** Takes a Service away with its slices. */
  async remove(name: string): Promise<void> {
    this.services.delete(namespace, name);
    for (const { metadata } of slicesOf(name, [])) this.slices.delete(namespace, metadata.name);
    await this.settled();
  }

  /** Opens flows one after another, and says which pods answered, or what else happened. */
  async answering(from: Place, target: Target, times: number): Promise<readonly string[]> {
    const seen = new Set<string>();
    for (let i = 0; i < times; i++) {
      const answer = await this.senders.open(from, target, patienceMs);
      seen.add(answer.kind === "answer" ? answer.pod : answer.kind);
    }
    return [...seen].sort();
  }

  /** Takes every Service and slice away. */
  clear(): void {
    for (const { metadata } of this.services.list()) this.services.delete(namespace, metadata.name);
    for (const { metadata } of this.slices.list()) this.slices.delete(namespace, metadata.name);
  }

  /** Waits until every change is in the kernel of both nodes. */
  async settled(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.whenIdle()));
  }

  async stopProxies(options: { readonly cleanup?: boolean } = {}): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop(options)));
    this.#proxies.clear();
  }

  async stop(): Promise<void> {
    await this.stopProxies();
    for (const ports of this.#healthPorts.values()) ports.close();
    this.senders.close();
    this.network.stop();
  }
}
