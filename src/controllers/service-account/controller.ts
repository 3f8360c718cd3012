import { sameJson } from "../../core/index.ts";
import { isAlreadyExists, resources } from "../../objects/index.ts";
import type { ConfigMap, KubeObject } from "../../objects/index.ts";
import { runController } from "../context.ts";
import type { ControllerContext, RunningController } from "../context.ts";

const rootCa = "kube-root-ca.crt";
const note = {
  "kubernetes.io/description":
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the " +
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
};

/**
 * Gives every namespace the ServiceAccount `default` and, when `rootCaPem` is known, the ConfigMap with the
 * certificate by which pods know the API server.
 */
export function startServiceAccountController(
  context: ControllerContext,
  options: { readonly rootCaPem?: string } = {},
): RunningController {
  const { api, caches } = context;
  const { namespaces, serviceAccounts, configMaps } = caches;
  const { rootCaPem } = options;

  const reconcile = async (name: string): Promise<void> => {
    const namespace = namespaces.get(undefined, name);
    if (namespace === undefined || namespace.metadata.deletionTimestamp !== undefined) return;
    if (serviceAccounts.get(name, "default") === undefined) {
      const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: name } };
      await unlessPresent(api.create(resources.serviceAccounts, account));
    }
    if (rootCaPem === undefined) return;
    const present = configMaps.get(name, rootCa);
    const data = { "ca.crt": rootCaPem };
    if (present === undefined) {
      const metadata = { name: rootCa, namespace: name, annotations: note };
      const map: ConfigMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data };
      await unlessPresent(api.create(resources.configMaps, map));
    } else if (!sameJson(present.data, data)) {
      await api.update(resources.configMaps, { ...present, data });
    }
  };

  const ours = (object: KubeObject): boolean => object.metadata.name === "default" || object.metadata.name === rootCa;

  return runController(context, {
    name: "serviceaccount",
    needs: [namespaces, serviceAccounts, configMaps],
    reconcile,
    watch: (queue) => [
      namespaces.subscribe((now, before) => {
        if (now !== undefined && before === undefined) queue.add(now.metadata.name);
      }),
      ...[serviceAccounts, configMaps].map((cache) =>
        cache.subscribe((now: KubeObject | undefined, before: KubeObject | undefined) => {
          const changed = now ?? before;
          // Made by hand, changed or deleted: it shall be as it was.
          if (before !== undefined && changed !== undefined && ours(changed))
            queue.add(changed.metadata.namespace ?? "");
        }),
      ),
    ],
  });
}

async function unlessPresent<T>(request: Promise<T>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}
