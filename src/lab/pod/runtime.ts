import { messageOf, parseIp } from "../../core/index.ts";
import type { Cidr, Clock, Ip, Logger } from "../../core/index.ts";
import { keepFixedRules } from "../../kernel/index.ts";
import type { FixedRulesKeeper } from "../../kernel/index.ts";
import { isPodFinished, objectKey } from "../../objects/index.ts";
import type { Cache, ClusterApi, EventRecorder, Pod, Service } from "../../objects/index.ts";
import { removePlaceFiles, writePlaceFiles } from "../place/files.ts";
import type { PlaceFiles } from "../place/files.ts";
import { hostsText } from "../place/hosts-text.ts";
import { StandInHttp } from "../stand-in/http.ts";
import { PodAddresses } from "./addresses.ts";
import type { BuiltIns } from "./built-in.ts";
import { connectedPods, connectPod, disconnectPod, podNetwork, podPlaceName } from "./network.ts";
import type { PodNetwork, PodNode } from "./network.ts";
import { podRules } from "./rules.ts";
import type { PodRulesOptions } from "./rules.ts";
import { PodWorker } from "./worker.ts";
import type { WorkerContext } from "./worker.ts";

/** What the pods of a node need around them. */
export interface PodRuntimeOptions {
  readonly nodeName: string;
  readonly nodeAddress: Ip;
  /** Path of the node's network namespace. Default: /run/netns/<nodeName>. */
  readonly nodeNamespace?: string;
  /** Keeps rules in that namespace; one is made by default. */
  readonly fixedRules?: FixedRulesKeeper;
  readonly podCidr: Cidr;
  /** Who sees pods by their own addresses; for all others a node's pods have the node's address. */
  readonly masquerade: Omit<PodRulesOptions, "podCidr">;
  /** At least this node's pods; those of other nodes are passed over. */
  readonly pods: Cache<Pod>;
  readonly services: Cache<Service>;
  readonly api: ClusterApi;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly dns: {
    /** `cluster.local`: pods with a subdomain find their own full name in /etc/hosts. */
    readonly domain: string;
    /** The text of a pod's /etc/resolv.conf. */
    readonly resolvConf: (pod: Pod) => string;
  };
  readonly builtIns?: BuiltIns;
}

/** The running pods of a node. */
export interface PodRuntime {
  /** Stops servers and probes; `keep` leaves the pods' namespaces for the next agent to take over (default). */
  stop(options?: { readonly keep?: boolean }): Promise<void>;
}

interface RunningPod {
  readonly worker: PodWorker;
  /** Undefined for pods in the node's own network. */
  readonly network: PodNetwork | undefined;
}

const retryMs = 1000;

/**
 * Runs this node's pods as stand-ins: connects them, opens their ports, probes them, writes their status, and ends them
 * in good order. Pods that an earlier agent connected keep their namespace and address.
 */
export async function startPodRuntime(options: PodRuntimeOptions): Promise<PodRuntime> {
  const { nodeName, nodeNamespace = `/run/netns/${nodeName}`, podCidr, masquerade, clock, log } = options;
  const { fixedRules = keepFixedRules({ namespace: nodeNamespace, clock, log }) } = options;
  // The rules are on their way while the pods are connected.
  const rules = fixedRules.keep(podRules({ podCidr, ...masquerade }));
  await Promise.all([options.pods.whenSynced(), options.services.whenSynced()]);
  const runtime = new Runtime(options, () => fixedRules.close());
  runtime.start();
  await rules;
  return runtime;
}

class Runtime implements PodRuntime {
  readonly #options: PodRuntimeOptions;
  readonly #node: PodNode;
  readonly #addresses: PodAddresses;
  readonly #context: WorkerContext;
  readonly #running = new Map<string, RunningPod>();
  readonly #arrived = new Map<string, Pod>();
  readonly #unsubscribe: (() => void)[] = [];
  #adoptable: Map<string, PodNetwork>;
  #flushPlanned = false;
  readonly #closeRules: () => void;
  #stopped = false;

  constructor(options: PodRuntimeOptions, closeRules: () => void) {
    this.#closeRules = closeRules;
    const { nodeName, nodeAddress, nodeNamespace = `/run/netns/${nodeName}` } = options;
    this.#options = options;
    this.#node = { name: nodeName, address: nodeAddress, namespace: nodeNamespace };
    this.#addresses = new PodAddresses(options.podCidr);
    this.#adoptable = new Map(connectedPods(this.#node));
    this.#context = {
      node: this.#node,
      api: options.api,
      recorder: options.recorder,
      clock: options.clock,
      log: options.log,
      http: new StandInHttp(options.clock),
      builtIns: options.builtIns ?? {},
      services: (namespace) => options.services.list(namespace),
      current: (pod) => {
        const found = options.pods.get(pod.metadata.namespace, pod.metadata.name);
        return found?.metadata.uid === pod.metadata.uid ? found : undefined;
      },
    };
  }

  start(): void {
    for (const network of this.#adoptable.values()) this.#addresses.reserve(network.address);
    const { pods, services } = this.#options;
    this.#unsubscribe.push(pods.subscribe((now, before) => this.#podChanged(now, before)));
    this.#flush();
    // What is left belongs to pods that went away while no agent was there.
    for (const network of this.#adoptable.values()) this.#disconnect(network);
    this.#adoptable = new Map();
    this.#unsubscribe.push(services.subscribe((now, before) => this.#serviceChanged(now ?? before)));
  }

  async stop({ keep = true }: { readonly keep?: boolean } = {}): Promise<void> {
    this.#stopped = true;
    this.#closeRules();
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    const all = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(all.map(({ worker }) => worker.dispose()));
    if (!keep) for (const { network } of all) if (network !== undefined) this.#disconnect(network);
  }

  #podChanged(now: Pod | undefined, before: Pod | undefined): void {
    if (before !== undefined && before.metadata.uid !== now?.metadata.uid) this.#gone(before);
    if (now === undefined || now.spec.nodeName !== this.#node.name) return;
    if (isPodFinished(now)) return this.#gone(now);
    const key = keyOfPod(now);
    const running = this.#running.get(key);
    if (running !== undefined) return running.worker.update(now);
    this.#arrived.set(key, now);
    this.#planFlush(0);
  }

  #gone(pod: Pod): void {
    const key = keyOfPod(pod);
    this.#arrived.delete(key);
    const running = this.#running.get(key);
    if (running === undefined) return;
    this.#running.delete(key);
    void running.worker.dispose().then(() => {
      if (running.network === undefined) removePlaceFiles(podPlaceName(pod));
      else this.#disconnect(running.network);
    });
  }

  #planFlush(delayMs: number): void {
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#options.clock.schedule(delayMs, () => {
      this.#flushPlanned = false;
      this.#flush();
    });
  }

  /** Connects the pods that arrived together, then starts them. */
  #flush(): void {
    if (this.#stopped) return;
    const connected: [Pod, RunningPod][] = [];
    for (const [key, pod] of this.#arrived) {
      try {
        const running = this.#connect(pod);
        this.#running.set(key, running);
        this.#arrived.delete(key);
        connected.push([pod, running]);
      } catch (error) {
        const { recorder, log } = this.#options;
        recorder.record(pod, "Warning", "FailedCreatePodSandBox", `Failed to create pod sandbox: ${messageOf(error)}`);
        log.warn("pod not connected, will retry", { pod: objectKey(pod), reason: messageOf(error) });
        this.#planFlush(retryMs);
      }
    }
    for (const [pod, { worker }] of connected) {
      worker.start();
      if (pod.metadata.deletionTimestamp !== undefined) worker.update(pod);
    }
  }

  #connect(pod: Pod): RunningPod {
    const name = podPlaceName(pod);
    if (pod.spec.hostNetwork === true) {
      writePlaceFiles(name, this.#files(pod, this.#node.address));
      const place = { address: this.#node.address, namespace: this.#node.namespace, adopted: true };
      return { worker: new PodWorker(this.#context, pod, place), network: undefined };
    }
    const taken = this.#adopt(name);
    const network = taken ?? this.#connectNew(pod);
    return { worker: new PodWorker(this.#context, pod, { ...network, adopted: taken !== undefined }), network };
  }

  #adopt(name: string): PodNetwork | undefined {
    const network = this.#adoptable.get(name);
    this.#adoptable.delete(name);
    return network;
  }

  #connectNew(pod: Pod): PodNetwork {
    const address = this.#addresses.allocate();
    if (address === undefined) throw new Error(`no free address in ${this.#options.podCidr} of ${this.#node.name}`);
    const network = podNetwork(pod, address);
    try {
      connectPod(network, this.#node, this.#files(pod, address));
    } catch (error) {
      this.#addresses.release(address);
      throw error;
    }
    return network;
  }

  #files(pod: Pod, address: Ip): PlaceFiles {
    const { dns } = this.#options;
    const { hostname = pod.metadata.name, subdomain } = pod.spec;
    const namespace = pod.metadata.namespace ?? "default";
    const full = subdomain === undefined ? [] : [`${hostname}.${subdomain}.${namespace}.svc.${dns.domain}`];
    const aliases = (pod.spec.hostAliases ?? []).flatMap(({ ip, hostnames = [] }) => {
      const parsed = parseIp(ip);
      return parsed === undefined ? [] : [{ address: parsed, names: hostnames }];
    });
    return {
      resolvConf: dns.resolvConf(pod),
      hosts: hostsText([{ address, names: [...full, hostname] }, ...aliases]),
    };
  }

  #disconnect(network: PodNetwork): void {
    disconnectPod(network, this.#node);
    this.#addresses.release(network.address);
  }

  #serviceChanged(service: Service | undefined): void {
    if (service === undefined) return;
    for (const { worker } of this.#running.values()) {
      if (worker.followsServices && worker.namespaceName === service.metadata.namespace) worker.reviewPorts();
    }
  }
}

function keyOfPod(pod: Pod): string {
  return `${objectKey(pod)} ${pod.metadata.uid ?? ""}`;
}
