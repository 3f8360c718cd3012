import { messageOf } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import type { StaticZone } from "../../dns/index.ts";
import type { Cache, ClusterApi, Ingress } from "../../objects/index.ts";
import { applyManifests } from "../apply.ts";
import { ingressRouterObjects } from "../builtin-objects.ts";

/**
 * Starts the built-in Ingress router when the first Ingress appears, and gives the hosts of Ingresses their address in the outside world's
 * DNS, so that the client finds them by name.
 */
export function followIngresses(
  api: ClusterApi,
  { ingresses }: { readonly ingresses: Cache<Ingress> },
  zone: StaticZone,
  log: Logger,
): () => void {
  let started = false;
  const published = new Map<string, string>();
  return ingresses.subscribe((now) => {
    if (now !== undefined && !started) {
      started = true;
      const objects = ingressRouterObjects().map((object) => ({ source: "built-in", value: { ...object } }));
      applyManifests(api, objects).catch((error: unknown) =>
        log.error("the Ingress router cannot be started", { reason: messageOf(error) }),
      );
    }
    const wanted = hostAddresses(ingresses.list());
    for (const host of published.keys()) if (!wanted.has(host)) publish(host, undefined);
    for (const [host, address] of wanted) if (published.get(host) !== address) publish(host, address);
  });

  function publish(host: string, address: string | undefined): void {
    try {
      zone.set(host, address === undefined ? [] : [address]);
    } catch (error) {
      log.warn("host of an Ingress not published in the outside DNS", { host, reason: messageOf(error) });
    }
    if (address === undefined) published.delete(host);
    else published.set(host, address);
  }
}

/** The hosts of all Ingresses that have an address; wildcards have none in DNS. */
function hostAddresses(ingresses: readonly Ingress[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { spec, status } of ingresses) {
    const address = status?.loadBalancer?.ingress?.[0]?.ip;
    if (address === undefined) continue;
    for (const { host } of spec.rules ?? []) {
      if (host !== undefined && !host.startsWith("*")) found.set(host, address);
    }
  }
  return found;
}
