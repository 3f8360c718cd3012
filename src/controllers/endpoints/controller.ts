import { isNotFound, objectKey, resources, splitKey } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { hasSelector, podsOfService, watchServicePods } from "../service-pods.ts";
import { TriggerTimes } from "../trigger-time.ts";
import { planEndpoints } from "./plan.ts";

/** Writes the (older) Endpoints object of Services that have a selector. */
export function startEndpointsController(context: ControllerContext): RunningController {
  const { api, caches } = context;
  const { services, pods, endpoints } = caches;
  const triggerTimes = new TriggerTimes();

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const service = services.get(namespace, name);
    const old = endpoints.get(namespace, name);
    if (service === undefined) {
      triggerTimes.forget(key);
      if (old !== undefined) await remove(namespace, name, old.metadata.uid);
      return;
    }
    if (!hasSelector(service) || service.metadata.deletionTimestamp !== undefined) return;
    const selected = podsOfService(pods, service);
    const planned = planEndpoints(service, selected, old, triggerTimes.next(key, service, selected));
    if (planned === undefined) return;
    if (old === undefined) await api.create(resources.endpoints, planned);
    else await api.update(resources.endpoints, planned);
  };

  const remove = async (namespace: string | undefined, name: string, uid: string | undefined): Promise<void> => {
    try {
      await api.delete(resources.endpoints, namespace, name, uid === undefined ? {} : { uid });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };

  return runController(context, {
    name: "endpoints",
    restMs: 50,
    needs: [services, pods, endpoints],
    reconcile,
    watch: (queue) => [
      ...watchServicePods(services, pods, queue).subscriptions,
      endpoints.subscribe((now, before) => {
        const changed = now ?? before;
        if (changed === undefined) return;
        // Endpoints without a Service belong to somebody else.
        const { namespace, name } = changed.metadata;
        if (services.get(namespace, name) !== undefined) queue.add(objectKey(changed));
      }),
    ],
  });
}
