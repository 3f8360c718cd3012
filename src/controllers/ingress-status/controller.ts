import { sameJson } from "../../core/index.ts";
import { objectKey, resources, splitKey } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";
import { unlessGone } from "../unless-gone.ts";
import { planIngressStatus } from "./plan.ts";

/** Which Service brings the traffic to the ingress router. */
export interface IngressServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** Shows on every Ingress of our class the address of the router's LoadBalancer Service. */
export function startIngressStatusController(
  context: ControllerContext,
  router: IngressServiceName = { namespace: "sealane-system", name: "ingress" },
): RunningController {
  const { api, caches } = context;
  const { ingresses, ingressClasses, services } = caches;

  const reconcile = async (key: string): Promise<void> => {
    const { namespace, name } = splitKey(key);
    const ingress = ingresses.get(namespace, name);
    if (ingress === undefined || ingress.metadata.deletionTimestamp !== undefined) return;
    const service = services.get(router.namespace, router.name);
    const entries = planIngressStatus(ingress, ingressClasses.list(), service);
    if (entries === undefined || sameJson(entries, ingress.status?.loadBalancer?.ingress ?? [])) return;
    const loadBalancer = entries.length === 0 ? {} : { ingress: entries };
    await unlessGone(api.updateStatus(resources.ingresses, { ...ingress, status: { loadBalancer } }));
  };

  return runController(context, {
    name: "ingress-status",
    needs: [ingresses, ingressClasses, services],
    reconcile,
    watch: (queue) => {
      const all = (): void => {
        for (const ingress of ingresses.list()) queue.add(objectKey(ingress));
      };
      return [
        ingresses.subscribe((now) => void (now === undefined || queue.add(objectKey(now)))),
        ingressClasses.subscribe(all),
        services.subscribe((now, before) => {
          const service = now ?? before;
          if (service?.metadata.name !== router.name || service.metadata.namespace !== router.namespace) return;
          if (!sameJson(now?.status, before?.status)) all();
        }),
      ];
    },
  });
}
