import { messageOf, pause } from "../../core/index.ts";
import type { Cancel, Clock, Ip, Logger } from "../../core/index.ts";
import { inNamespace } from "../../kernel/index.ts";
import { isNotFound, objectKey, resources } from "../../objects/index.ts";
import type { ClusterApi, Container, EventRecorder, Pod, Service } from "../../objects/index.ts";
import type { StandInHttp } from "../stand-in/http.ts";
import { StandIn } from "../stand-in/stand-in.ts";
import { builtInFor } from "./built-in.ts";
import type { BuiltIn, BuiltIns, RunningBuiltIn } from "./built-in.ts";
import { RunningContainer } from "./container.ts";
import type { PodNode } from "./network.ts";
import { declaresNoPort, runningContainers, standInPorts } from "./ports.ts";
import { StatusWriter } from "./status-writer.ts";
import { podStatus } from "./status.ts";

/** What every pod of a node shares. */
export interface WorkerContext {
  readonly node: PodNode;
  readonly api: ClusterApi;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly http: StandInHttp;
  readonly builtIns: BuiltIns;
  readonly services: (namespace: string | undefined) => readonly Service[];
  /** The newest version of a pod that the cache has. */
  readonly current: (pod: Pod) => Pod | undefined;
}

/** Where a pod is. */
export interface WorkerPlace {
  readonly address: Ip;
  /** Path of its network namespace. */
  readonly namespace: string;
  readonly adopted: boolean;
}

// How long a terminating pod goes on serving: until every proxy has taken it off its list.
const drainMs = 1000;
// The first status waits this long for the first results of probes, so that it is written once.
const firstStatusMs = 50;
// Events are for people: they can wait until the pods of a starting lab are up.
const startedEventMs = 1000;

/** One pod that is connected: its servers, its probes, its status, its end. */
export class PodWorker {
  readonly #context: WorkerContext;
  readonly #address: Ip;
  readonly #namespace: string;
  readonly #adopted: boolean;
  readonly #containers = new Map<string, RunningContainer>();
  readonly #stopped = new Set<string>();
  readonly #standIn: StandIn;
  readonly #standInContainers: readonly Container[];
  readonly #builtIns: Promise<RunningBuiltIn>[] = [];
  readonly #writer: StatusWriter;
  readonly #startTimeMs: number;
  readonly #timers = new Set<Cancel>();
  #pod: Pod;
  #terminating = false;
  #disposed = false;
  #statusDue = false;

  /** `adopted`: an earlier agent connected the pod, and its status is as that one left it. */
  constructor(context: WorkerContext, pod: Pod, place: WorkerPlace) {
    const { address, namespace, adopted } = place;
    const { clock, http, log, node } = context;
    this.#context = context;
    this.#pod = pod;
    this.#address = address;
    this.#namespace = namespace;
    this.#adopted = adopted;
    this.#startTimeMs = pod.status?.startTime === undefined ? clock.now() : Date.parse(pod.status.startTime);
    const containers = runningContainers(pod);
    this.#standInContainers = containers.filter(({ image }) => builtInFor(context.builtIns, image) === undefined);
    this.#standIn = new StandIn({
      identity: {
        pod: pod.metadata.name,
        namespace: pod.metadata.namespace ?? "default",
        node: node.name,
        podIP: address,
        labels: pod.metadata.labels ?? {},
      },
      namespaces: { pod: namespace, node: node.namespace },
      http,
      clock,
      log,
      onStateChange: () => this.#containers.forEach((container) => container.stateChanged()),
      onPortProblem: (port, problem) =>
        this.#containers.get(port.container ?? "")?.portProblem(`${port.port}/${port.protocol}`, problem),
    });
    for (const container of containers) this.#containers.set(container.name, this.#makeContainer(container));
    this.#writer = new StatusWriter({
      api: context.api,
      clock,
      log,
      current: () => context.current(this.#pod),
      wanted: (newest) => podStatus(newest, this.#facts(), clock.now()),
    });
  }

  /** Opens the pod's ports, starts its probes and writes its first status. */
  start(): void {
    for (const { image } of runningContainers(this.#pod)) {
      const builtIn = builtInFor(this.#context.builtIns, image);
      if (builtIn !== undefined) this.#startBuiltIn(builtIn);
    }
    this.reviewPorts();
    for (const container of this.#containers.values()) container.start();
    if (this.#settled()) this.#statusChanged();
    else this.#later(firstStatusMs, () => this.#statusChanged());
    if (!this.#adopted) this.#later(startedEventMs, () => this.#recordStarted());
  }

  /** The pod changed: labels (they decide which Services select it), readiness gates, or its deletion began. */
  update(pod: Pod): void {
    this.#pod = pod;
    if (pod.metadata.deletionTimestamp !== undefined) this.#terminate();
    this.reviewPorts();
    if (this.#statusDue) this.#writer.update();
  }

  /** Whether a change of Services may change the ports of this pod. */
  get followsServices(): boolean {
    return declaresNoPort(this.#pod);
  }

  get namespaceName(): string | undefined {
    return this.#pod.metadata.namespace;
  }

  /** Opens and closes ports after a change of the pod, of Services or of its containers. */
  reviewPorts(): void {
    if (this.#disposed || this.#terminating) return;
    const running = this.#standInContainers.filter(({ name }) => !this.#stopped.has(name));
    this.#standIn.setPorts(standInPorts(this.#pod, running, this.#context.services(this.#pod.metadata.namespace)));
  }

  /** Ends everything at once; resolves when built-in programs have stopped. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#writer.stop();
    for (const cancel of this.#timers) cancel();
    for (const container of this.#containers.values()) container.stop();
    this.#standIn.stop();
    await this.#stopBuiltIns();
  }

  #recordStarted(): void {
    for (const { name } of runningContainers(this.#pod)) {
      const how = this.#standInContainers.some((container) => container.name === name)
        ? "stand-in"
        : "built-in program";
      this.#context.recorder.record(this.#pod, "Normal", "Started", `Started container ${name} (${how})`);
    }
  }

  #makeContainer(container: Container): RunningContainer {
    const { clock, node, recorder } = this.#context;
    const isStandIn = this.#standInContainers.includes(container);
    const all = [...(this.#pod.status?.initContainerStatuses ?? []), ...(this.#pod.status?.containerStatuses ?? [])];
    const before = all.find(({ name }) => name === container.name);
    return new RunningContainer({
      container,
      clock,
      target: { namespace: node.namespace, address: this.#address, clock },
      ...(before === undefined
        ? {}
        : {
            before: {
              restartCount: before.restartCount,
              startedAtMs: clock.now(),
              ready: this.#adopted && before.ready,
            },
          }),
      state: () => (isStandIn ? this.#standIn.state : undefined),
      changed: () => {
        if (this.#statusDue || this.#settled()) this.#statusChanged();
      },
      event: (type, reason, message) => recorder.record(this.#pod, type, reason, message),
      setRunning: (running) => this.#setRunning(container.name, running),
    });
  }

  #setRunning(container: string, running: boolean): void {
    if (!running) {
      this.#stopped.add(container);
      this.reviewPorts();
      return;
    }
    this.#stopped.delete(container);
    this.#standIn.restart();
    this.reviewPorts();
  }

  #startBuiltIn(builtIn: BuiltIn): void {
    const start = async () =>
      builtIn({
        pod: this.#pod,
        address: this.#address,
        namespace: this.#namespace,
        inNamespace: (run) => inNamespace(this.#namespace, run),
      });
    const running = start();
    this.#builtIns.push(running);
    running.catch((error: unknown) => {
      const { log, recorder } = this.#context;
      log.error("built-in program failed to start", { pod: objectKey(this.#pod), reason: messageOf(error) });
      recorder.record(this.#pod, "Warning", "Failed", `Error: ${messageOf(error)}`);
    });
  }

  async #stopBuiltIns(): Promise<void> {
    const all = await Promise.allSettled(this.#builtIns.splice(0));
    await Promise.allSettled(all.map(async (one) => (one.status === "fulfilled" ? one.value.stop() : undefined)));
  }

  #facts(): Parameters<typeof podStatus>[1] {
    return {
      podIP: this.#address,
      hostIP: this.#context.node.address,
      startTimeMs: this.#startTimeMs,
      containers: [...this.#containers.values()].map(({ facts }) => facts),
      standIn: this.#standInContainers.length > 0,
    };
  }

  #settled(): boolean {
    return [...this.#containers.values()].every((container) => container.settled);
  }

  #statusChanged(): void {
    this.#statusDue = true;
    if (!this.#disposed) this.#writer.update();
  }

  /** As the kubelet ends a pod: preStop sleep, a time in which it still serves, the last answers, then it is gone. */
  #terminate(): void {
    if (this.#terminating || this.#disposed) return;
    this.#terminating = true;
    const { recorder, clock } = this.#context;
    const { deletionGracePeriodSeconds, deletionTimestamp = "" } = this.#pod.metadata;
    const graceMs = (deletionGracePeriodSeconds ?? this.#pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
    const deadline = Math.min(clock.now() + graceMs, Math.max(clock.now(), Date.parse(deletionTimestamp) + 1000));
    for (const [name, container] of this.#containers) {
      container.terminate();
      recorder.record(this.#pod, "Normal", "Killing", `Stopping container ${name}`);
    }
    this.#standIn.drain();
    const sleeps = this.#pod.spec.containers.map(({ lifecycle }) => lifecycle?.preStop?.sleep?.seconds ?? 0);
    const serveMs = Math.min(Math.max(...sleeps, 0) * 1000 + Math.min(drainMs, graceMs), graceMs);
    this.#later(serveMs, () => {
      let ended = false;
      const end = () => {
        if (!ended) void this.#end();
        ended = true;
      };
      this.#standIn.finish(end);
      this.#later(Math.max(0, deadline - clock.now()), end);
    });
  }

  async #end(): Promise<void> {
    const { api, clock, log } = this.#context;
    const { name, namespace, uid } = this.#pod.metadata;
    await this.#stopBuiltIns();
    while (!this.#disposed) {
      try {
        const options = { gracePeriodSeconds: 0, ...(uid === undefined ? {} : { uid }) };
        return await api.delete(resources.pods, namespace, name, options);
      } catch (error) {
        if (isNotFound(error)) return;
        log.warn("ended pod not deleted, will retry", { pod: objectKey(this.#pod), reason: messageOf(error) });
        await pause(clock, 500);
      }
    }
  }

  #later(delayMs: number, run: () => void): void {
    const cancel = this.#context.clock.schedule(delayMs, () => {
      this.#timers.delete(cancel);
      if (!this.#disposed) run();
    });
    this.#timers.add(cancel);
  }
}
