import { parseIp } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { isPodFinished } from "../../objects/index.ts";
import type { Cache, Pod } from "../../objects/index.ts";

/**
 * Which namespace's search list the pod at an address has, kept current from a cache. Addresses that two pods have at
 * the moment, or a pod whose search list is its own, have none: then clients search by themselves, which is never wrong.
 */
export class ClientPods {
  readonly #pods = new Map<Ip, Map<string, string | undefined>>();

  /** Follows a cache; returns how to stop. */
  follow(pods: Cache<Pod>): () => void {
    return pods.subscribe((now, before) => {
      for (const address of addressesOf(before)) this.#remove(address, keyOf(before));
      for (const address of addressesOf(now)) this.#add(address, keyOf(now), searchNamespace(now));
    });
  }

  /** The namespace whose names a client at this address searches first. */
  namespaceOf(address: Ip): string | undefined {
    const pods = this.#pods.get(address);
    if (pods === undefined || pods.size !== 1) return undefined;
    for (const namespace of pods.values()) return namespace;
    return undefined;
  }

  #add(address: Ip, pod: string, namespace: string | undefined): void {
    const pods = this.#pods.get(address) ?? new Map<string, string | undefined>();
    pods.set(pod, namespace);
    this.#pods.set(address, pods);
  }

  #remove(address: Ip, pod: string): void {
    const pods = this.#pods.get(address);
    if (pods === undefined) return;
    pods.delete(pod);
    if (pods.size === 0) this.#pods.delete(address);
  }
}

function addressesOf(pod: Pod | undefined): readonly Ip[] {
  // The address of a finished pod may already be another pod's.
  if (pod === undefined || isPodFinished(pod)) return [];
  const texts = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP === undefined ? [] : [pod.status.podIP]);
  return texts.map(parseIp).filter((address) => address !== undefined);
}

function keyOf(pod: Pod | undefined): string {
  return pod?.metadata.uid ?? `${pod?.metadata.namespace ?? ""}/${pod?.metadata.name ?? ""}`;
}

function searchNamespace(pod: Pod | undefined): string | undefined {
  const { hostNetwork, dnsPolicy = "ClusterFirst", dnsConfig } = pod?.spec ?? {};
  const isUsual = dnsPolicy === "ClusterFirst" && hostNetwork !== true && (dnsConfig?.searches ?? []).length === 0;
  return isUsual ? (pod?.metadata.namespace ?? "default") : undefined;
}
