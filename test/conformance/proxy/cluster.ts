import { inNamespace, openConntrack } from "../../../src/kernel/index.ts";
import type { NodeNetwork } from "../../../src/model/index.ts";
import { createHealthCheckServer, systemClock } from "../../../src/net/index.ts";
import { endpointSliceIndexers } from "../../../src/objects/index.ts";
import type { EndpointSlice, EventRecorder, Node, Service } from "../../../src/objects/index.ts";
import { createProxy } from "../../../src/proxy/index.ts";
import type { Proxy } from "../../../src/proxy/index.ts";
import { FakeCache } from "../../support/fake-cache.ts";
import type { EngineUnderTest } from "./engines.ts";
import { TestNetwork } from "./network.ts";
import type { PacketCase } from "./packet-case.ts";
import { nodeObject, nodes, serviceCidrs } from "./places.ts";
import type { NodeName } from "./places.ts";
import { Senders } from "./senders.ts";
import { namespace } from "./service-objects.ts";

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

  constructor(engine: EngineUnderTest) {
    this.engine = engine;
  }

  /** Starts a proxy on each node with these settings. */
  async start(settings: Partial<NodeNetwork> = {}): Promise<void> {
    for (const node of nodes) this.startOn(node, settings);
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.whenSynced()));
  }

  startOn(nodeName: NodeName, settings: Partial<NodeNetwork> = {}): Proxy {
    const path = this.network.path(nodeName);
    const recorder: EventRecorder = {
      record: (object, _type, reason) => this.events.push({ object: object.metadata.name, reason }),
    };
    const checks = createHealthCheckServer();
    const proxy = createProxy({
      nodeName,
      caches: { services: this.services, endpointSlices: this.slices, nodes: this.nodes },
      engine: this.engine.open(path),
      flows: openConntrack({ namespace: path }),
      healthChecks: { serve: (answers, failed) => inNamespace(path, () => checks.serve(answers, failed)) },
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
    this.senders.close();
    this.network.stop();
  }
}
