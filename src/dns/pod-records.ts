import { parseIp } from "../core/index.ts";
import type { Ip } from "../core/index.ts";
import { isPodFinished } from "../objects/index.ts";
import type { Cache, Pod } from "../objects/index.ts";
import { addressOfLabel } from "./address-bytes.ts";

/**
 * Which names `10-244-1-5.NAMESPACE.pod.ZONE` exist: none, all that spell an address, or only those of running pods.
 */
export type PodRecords =
  | { readonly kind: "disabled" }
  | { readonly kind: "insecure" }
  | { readonly kind: "verified"; readonly pods: PodAddresses };

/** The address under a pod's label, `undefined` when the name does not exist. */
export function podAddress(policy: PodRecords, label: string, namespace: string): Ip | undefined {
  if (policy.kind === "disabled") return undefined;
  const address = addressOfLabel(label);
  if (address === undefined || policy.kind === "insecure") return address;
  return policy.pods.has(address, namespace) ? address : undefined;
}

/** The addresses of pods by namespace, kept current from a cache. */
export class PodAddresses {
  /** How many pods have an address in a namespace, keyed `address namespace`: for a moment it may be two. */
  readonly #counts = new Map<string, number>();

  /** Follows a cache; returns how to stop. */
  follow(pods: Cache<Pod>): () => void {
    return pods.subscribe((now, before) => {
      for (const key of keysOf(now)) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      for (const key of keysOf(before)) {
        const count = (this.#counts.get(key) ?? 0) - 1;
        if (count > 0) this.#counts.set(key, count);
        else this.#counts.delete(key);
      }
    });
  }

  has(address: Ip, namespace: string): boolean {
    return this.#counts.has(`${address} ${namespace}`);
  }
}

function keysOf(pod: Pod | undefined): readonly string[] {
  // The address of a finished pod may already be another pod's.
  if (pod === undefined || isPodFinished(pod)) return [];
  const texts = pod.status?.podIPs?.map(({ ip }) => ip) ?? (pod.status?.podIP === undefined ? [] : [pod.status.podIP]);
  const addresses = new Set(texts.map(parseIp).filter((address) => address !== undefined));
  return [...addresses].map((address) => `${address} ${pod.metadata.namespace ?? ""}`);
}
