import { sameJson } from "../../core/index.ts";
import type { Ip } from "../../core/index.ts";
import { objectKey, resources, splitKey } from "../../objects/index.ts";
import type { Service } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { unlessGone } from "../unless-gone.ts";
import type { WorkQueue } from "../work-queue.ts";
import { currentAddresses, ingressOf, planAddresses, wantsAddress } from "./plan.ts";
import { parseRange } from "./pool.ts";

/**
 * Gives Services of type LoadBalancer their addresses out of `pools` (ranges, networks or addresses). Throws
 * `CodedError` code `InvalidPool`. Services with a `loadBalancerClass` belong to somebody else.
 */
export function startLoadBalancerIpam(
  context: ControllerContext,
  options: { readonly pools: readonly string[] },
): RunningController {
  const { api, caches, recorder } = context;
  const { services } = caches;
  const pool = options.pools.map(parseRange);
  /** Who holds which address: the truth between a decision and its appearance in the cache. */
  const owners = new Map<Ip, string>();
  const held = new Map<string, readonly Ip[]>();
  const pending = new Set<string>();

  const hold = (key: string, addresses: readonly Ip[]): void => {
    for (const address of held.get(key) ?? []) if (owners.get(address) === key) owners.delete(address);
    for (const address of addresses) owners.set(address, key);
    if (addresses.length === 0) held.delete(key);
    else held.set(key, addresses);
  };

  const reconcile = async (queue: WorkQueue, key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const service = services.get(namespace, name);
    const before = held.get(key) ?? [];
    const takenByOthers = (address: Ip): boolean => (owners.get(address) ?? key) !== key;
    const plan = service === undefined ? { kind: "none" as const } : planAddresses(service, pool, takenByOthers);
    pending.delete(key);
    switch (plan.kind) {
      case "none":
        hold(key, []);
        if (service !== undefined && (before.length > 0 || hasStaleAddress(service))) await write(service, []);
        break;
      case "assign":
        hold(key, plan.addresses);
        if (service === undefined || !plan.isNew) break;
        await write(service, plan.addresses);
        recorder.record(service, "Normal", "IPAllocated", `Assigned IP ${JSON.stringify(plan.addresses)}`);
        break;
      case "fail":
        hold(key, []);
        pending.add(key);
        if (service === undefined) break;
        if (currentAddresses(service).length > 0) await write(service, []);
        recorder.record(service, "Warning", "AllocationFailed", `Failed to allocate IP for "${key}": ${plan.message}`);
        break;
    }
    const released = before.some((address) => !owners.has(address));
    if (released) for (const waiting of pending) if (waiting !== key) queue.add(waiting);
  };

  const write = async (service: Service, addresses: readonly Ip[]): Promise<void> => {
    const loadBalancer = addresses.length === 0 ? {} : { ingress: ingressOf(addresses) };
    await unlessGone(api.updateStatus(resources.services, { ...service, status: { ...service.status, loadBalancer } }));
  };

  let queue: WorkQueue | undefined;
  return runController(context, {
    name: "lb-ipam",
    // One at a time: no address may be chosen twice.
    concurrency: 1,
    needs: [services],
    reconcile: async (key) => {
      if (queue !== undefined) await reconcile(queue, key);
    },
    watch: (started) => {
      queue = started;
      // What was given before a restart is taken before anybody asks for more; of two holders the older one keeps it.
      const old = services.list().filter((service) => wantsAddress(service) && currentAddresses(service).length > 0);
      for (const service of [...old].sort(byAge)) {
        hold(
          objectKey(service),
          currentAddresses(service).filter((address) => !owners.has(address)),
        );
      }
      return [
        services.subscribe((now, before) => {
          const changed = now ?? before;
          if (changed === undefined || (now !== undefined && before !== undefined && sameForAddresses(now, before)))
            return;
          const key = objectKey(changed);
          const concerns = now !== undefined && (wantsAddress(now) || hasStaleAddress(now));
          if (held.has(key) || concerns) started.add(key);
        }),
      ];
    },
  });
}

/** The type changed while nobody looked. With a loadBalancerClass, what another implementation wrote is not ours to clear. */
function hasStaleAddress(service: Service): boolean {
  return service.spec.type !== "LoadBalancer" && currentAddresses(service).length > 0;
}

function byAge(a: Service, b: Service): number {
  const [atA, atB] = [a.metadata.creationTimestamp ?? "", b.metadata.creationTimestamp ?? ""];
  return atA === atB ? (objectKey(a) < objectKey(b) ? -1 : 1) : atA < atB ? -1 : 1;
}

function sameForAddresses(a: Service, b: Service): boolean {
  return (
    sameJson(a.spec, b.spec) &&
    sameJson(a.metadata.annotations, b.metadata.annotations) &&
    sameJson(a.status?.loadBalancer, b.status?.loadBalancer) &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp
  );
}
