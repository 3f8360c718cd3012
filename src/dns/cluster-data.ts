import type { Clock, Metrics } from "../core/index.ts";
import { matchesLabelRequirements } from "../objects/index.ts";
import type { Cache, EndpointSlice, KubeObject, LabelRequirement, Namespace, Pod, Service } from "../objects/index.ts";
import { ClientPods } from "./chain/client-pods.ts";
import { PodAddresses } from "./pod-records.ts";
import type { EndpointNames } from "./service-facts.ts";
import { serviceOfImport, sliceOfImport } from "./imported-services.ts";
import type { ImportedCaches } from "./imported-services.ts";
import { programmingDuration } from "./programming-duration.ts";
import { ServiceIndex } from "./service-index.ts";

/** Where cluster DNS takes its names from. */
export interface ClusterDnsCaches {
  readonly services: Cache<Service>;
  readonly endpointSlices: Cache<EndpointSlice>;
  /** Needed for pod records that are "verified". Asked for only then, so it may be a getter that begins to watch. */
  readonly pods?: Cache<Pod>;
  /** The pods that may be clients, for search lists (autopath); `pods` unless given. */
  readonly clientPods?: Cache<Pod>;
  /** Needed for a choice with imports; asked for only then, as `pods`. */
  readonly imports?: ImportedCaches;
  /** Without it a namespace exists when a Service is in it, and names of pods are answered in any namespace. */
  readonly namespaces?: Cache<Namespace>;
  /** Ends caches that nobody else uses. */
  readonly stop?: () => void;
}

/** Caches that all choices share, or those that are made for one choice. */
export type ClusterDnsSource = ClusterDnsCaches | ((choice: ClusterDataChoice) => ClusterDnsCaches);

/** Which objects become names, and what of them is known. */
export interface ClusterDataChoice {
  readonly labels: readonly LabelRequirement[];
  /** What endpoints without a hostname are called; "none" knows no endpoints at all. */
  readonly endpointNames: EndpointNames | "none";
  /** Whether the zones of endpoints are known. */
  readonly withZones: boolean;
  /** Whether what other clusters export is known, too. */
  readonly withImports: boolean;
}

/** The names of a cluster, kept current from caches. */
export class ClusterData {
  readonly index: ServiceIndex;
  /** The Services that other clusters export to this one, when they are known. */
  readonly imports: ServiceIndex | undefined;
  readonly #caches: ClusterDnsCaches;
  readonly #isChosen: ((object: KubeObject) => boolean) | undefined;
  readonly #followed: Cache<KubeObject>[] = [];
  readonly #followedImports: Cache<KubeObject>[] = [];
  readonly #stops: (() => void)[] = [];
  readonly #seconds: () => number;
  #pods: PodAddresses | undefined;
  #clientPods: ClientPods | undefined;
  #serial: number;

  constructor(caches: ClusterDnsCaches, choice: ClusterDataChoice, clock: Clock, metrics?: Metrics) {
    this.#caches = caches;
    this.#isChosen = selection(choice.labels);
    this.#seconds = () => Math.floor(clock.now() / 1000);
    this.#serial = this.#seconds();
    const changed = () => {
      this.#serial = this.#seconds();
    };
    this.index = new ServiceIndex(changed, choice.endpointNames === "pod" ? "pod" : "address", choice.withZones);
    const followed = this.#followed;
    this.#follow(caches.services, followed, (now, before) => this.index.applyService(now, before));
    if (choice.endpointNames !== "none") {
      const programmed = metrics === undefined ? undefined : programmingDuration(metrics, clock, caches.services);
      this.#follow(caches.endpointSlices, followed, (now, before) => {
        this.index.applySlice(now, before);
        // What was there before this process started was not late because of it.
        if (now !== undefined && caches.endpointSlices.synced) programmed?.(now, before);
      });
    }
    if (caches.namespaces !== undefined) this.#followed.push(caches.namespaces);
    this.imports = choice.withImports ? this.#followImports(choice, changed) : undefined;
    // Whoever waits for the names comes first.
    void this.whenSynced().then(() => this.#stops.push(clock.schedule(0, () => this.index.prepare())));
  }

  /** The objects themselves, for whoever wants to know why a name is what it is. */
  get caches(): ClusterDnsCaches {
    return this.#caches;
  }

  /** The second of the last change that an answer can show. */
  get serial(): number {
    return this.#serial;
  }

  isSynced(): boolean {
    return this.knowsCluster() && this.knowsImports();
  }

  /** Whether everything of the cluster itself has arrived. */
  knowsCluster(): boolean {
    for (const cache of this.#followed) if (!cache.synced) return false;
    return true;
  }

  /** The same for what other clusters export. */
  knowsImports(): boolean {
    for (const cache of this.#followedImports) if (!cache.synced) return false;
    return true;
  }

  /** Resolves when everything has arrived that is followed now. */
  async whenSynced(): Promise<void> {
    await Promise.all([...this.#followed, ...this.#followedImports].map((cache) => cache.whenSynced()));
  }

  hasNamespace(name: string): boolean {
    const { namespaces } = this.#caches;
    return namespaces === undefined ? this.index.hasNamespace(name) : namespaces.get(undefined, name) !== undefined;
  }

  hasPodNamespace(name: string): boolean {
    return this.#caches.namespaces === undefined || this.hasNamespace(name);
  }

  /** The addresses of running pods. Throws `TypeError` without a cache of pods. */
  pods(): PodAddresses {
    if (this.#pods !== undefined) return this.#pods;
    const cache = this.#caches.pods;
    if (cache === undefined) throw new TypeError('podRecords "verified" needs the cache of pods');
    this.#pods = new PodAddresses();
    this.#followed.push(cache);
    this.#stops.push(this.#pods.follow(cache));
    return this.#pods;
  }

  /** Throws `TypeError` without the caches. */
  #followImports({ endpointNames }: ClusterDataChoice, changed: () => void): ServiceIndex {
    const caches = this.#caches.imports;
    if (caches === undefined) throw new TypeError("multicluster needs the cache of ServiceImports");
    const index = new ServiceIndex(changed, "given");
    const followed = this.#followedImports;
    this.#follow(caches.serviceImports, followed, (now, before) =>
      index.applyService(now && serviceOfImport(now), before && serviceOfImport(before)),
    );
    if (endpointNames === "none") return index;
    this.#follow(caches.endpointSlices, followed, (now, before) =>
      index.applySlice(now && sliceOfImport(now, endpointNames), before && sliceOfImport(before, endpointNames)),
    );
    return index;
  }

  /** Who asks from which address. Throws `TypeError` without a cache of pods. */
  clientPods(): ClientPods {
    if (this.#clientPods !== undefined) return this.#clientPods;
    const cache = this.#caches.clientPods ?? this.#caches.pods;
    if (cache === undefined) throw new TypeError("autopath needs the cache of pods");
    this.#clientPods = new ClientPods();
    this.#followed.push(cache);
    this.#stops.push(this.#clientPods.follow(cache));
    return this.#clientPods;
  }

  /** Stops following the caches. Names then stay as they are. */
  stop(): void {
    for (const stop of this.#stops) stop();
    this.#caches.stop?.();
  }

  #follow<T extends KubeObject>(
    cache: Cache<T>,
    followed: Cache<KubeObject>[],
    apply: (now: T | undefined, before: T | undefined) => void,
  ): void {
    followed.push(cache);
    const isChosen = this.#isChosen;
    if (isChosen === undefined) {
      this.#stops.push(cache.subscribe(apply));
      return;
    }
    const chosen = (object: T | undefined) => (object !== undefined && isChosen(object) ? object : undefined);
    const stop = cache.subscribe((now, before) => {
      const [shown, hidden] = [chosen(now), chosen(before)];
      if (shown !== undefined || hidden !== undefined) apply(shown, hidden);
    });
    this.#stops.push(stop);
  }
}

function selection(labels: readonly LabelRequirement[]): ((object: KubeObject) => boolean) | undefined {
  if (labels.length === 0) return undefined;
  return ({ metadata }) => matchesLabelRequirements(labels, metadata.labels);
}

/** The data of one cluster, made once for each choice however many blocks and reloads ask for it. */
export class ClusterDataShelf {
  readonly #caches: ClusterDnsSource;
  readonly #clock: Clock;
  readonly #metrics: Metrics | undefined;
  readonly #made = new Map<string, ClusterData>();

  constructor(caches: ClusterDnsSource, clock: Clock, metrics?: Metrics) {
    this.#caches = caches;
    this.#clock = clock;
    this.#metrics = metrics;
  }

  get(choice: ClusterDataChoice): ClusterData {
    const key = JSON.stringify(choice);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const caches = typeof this.#caches === "function" ? this.#caches(choice) : this.#caches;
    const made = new ClusterData(caches, choice, this.#clock, this.#metrics);
    this.#made.set(key, made);
    return made;
  }

  /** Forgets what is not in use any more. */
  keep(used: ReadonlySet<ClusterData>): void {
    for (const [key, data] of this.#made) {
      if (used.has(data)) continue;
      data.stop();
      this.#made.delete(key);
    }
  }

  stop(): void {
    this.keep(new Set());
  }
}
