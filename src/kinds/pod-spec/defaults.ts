import { fieldsOf, itemsOf, mapField, mapItems, numberOf, textOf, withDefaults } from "../fields.ts";
import type { Fields } from "../fields.ts";

/** Fills in what Kubernetes fills in where a pod spec says nothing: in pods and in templates alike. */
export function defaultPodSpec(spec: Fields): Fields {
  const hostNetwork = spec.hostNetwork === true;
  let result = withDefaults(spec, {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
    // The old name of the field follows the new one.
    serviceAccount: spec.serviceAccountName,
    serviceAccountName: spec.serviceAccount,
  });
  for (const list of ["containers", "initContainers", "ephemeralContainers"]) {
    result = mapItems(result, list, (container) => defaultContainer(container, hostNetwork));
  }
  return mapItems(result, "volumes", defaultVolume);
}

/** As `defaultPodSpec`, for the `spec` of a pod template such as `spec.template` of a Deployment. */
export function defaultPodTemplate(template: unknown): Fields {
  return mapField(fieldsOf(template), "spec", (spec) => defaultPodSpec(fieldsOf(spec)));
}

function defaultContainer(container: Fields, hostNetwork: boolean): Fields {
  let result = withDefaults(container, {
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: pullPolicy(container.image),
  });
  result = mapItems(result, "ports", (port) =>
    withDefaults(port, { protocol: "TCP", hostPort: hostNetwork ? port.containerPort : undefined }),
  );
  result = mapItems(result, "env", (variable) =>
    mapField(variable, "valueFrom", (source) => defaultFieldRef(fieldsOf(source))),
  );
  for (const probe of ["readinessProbe", "livenessProbe", "startupProbe"]) {
    result = mapField(result, probe, (value) => defaultProbe(fieldsOf(value)));
  }
  return mapField(result, "lifecycle", (lifecycle) =>
    ["postStart", "preStop"].reduce(
      (handlers, name) => mapField(handlers, name, (handler) => defaultHandler(fieldsOf(handler))),
      fieldsOf(lifecycle),
    ),
  );
}

/** Images without a tag, or with `latest`, may change under the same name: they are pulled each time. */
function pullPolicy(image: unknown): string | undefined {
  if (typeof image !== "string") return undefined;
  if (image.includes("@")) return "IfNotPresent";
  const name = image.slice(image.lastIndexOf("/") + 1);
  const tag = name.includes(":") ? name.slice(name.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

const probeDefaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

function defaultProbe(probe: Fields): Fields {
  // Zero counts as absent, as in upstream, whose fields are plain integers.
  const counted = Object.entries(probeDefaults).filter(([name]) => numberOf(probe[name]) === 0);
  const result = counted.length === 0 ? probe : { ...probe, ...Object.fromEntries(counted) };
  return mapField(defaultHandler(result), "grpc", (grpc) => withDefaults(fieldsOf(grpc), { service: "" }));
}

function defaultHandler(handler: Fields): Fields {
  return mapField(handler, "httpGet", (get) => {
    const { path, scheme } = fieldsOf(get);
    if (textOf(path) !== "" && textOf(scheme) !== "") return get;
    return {
      ...fieldsOf(get),
      path: path === undefined || path === "" ? "/" : path,
      scheme: scheme === undefined || scheme === "" ? "HTTP" : scheme,
    };
  });
}

function defaultFieldRef(source: Fields): Fields {
  return mapField(source, "fieldRef", (reference) => withDefaults(fieldsOf(reference), { apiVersion: "v1" }));
}

function defaultVolume(volume: Fields): Fields {
  if (Object.keys(volume).every((name) => name === "name")) return { ...volume, emptyDir: {} };
  let result = volume;
  for (const source of ["secret", "configMap", "downwardAPI", "projected"]) {
    result = mapField(result, source, (value) => withDefaults(fieldsOf(value), { defaultMode: 0o644 }));
  }
  result = mapField(result, "hostPath", (value) => withDefaults(fieldsOf(value), { type: "" }));
  result = mapField(result, "downwardAPI", (value) => mapItems(fieldsOf(value), "items", defaultFieldRef));
  return mapField(result, "projected", (value) =>
    mapItems(fieldsOf(value), "sources", (source) =>
      mapField(
        mapField(source, "downwardAPI", (downward) => mapItems(fieldsOf(downward), "items", defaultFieldRef)),
        "serviceAccountToken",
        (token) => withDefaults(fieldsOf(token), { expirationSeconds: 3600 }),
      ),
    ),
  );
}

/** In pods (not in templates) a limit without a request is the request as well. */
export function requestsFromLimits(spec: Fields): Fields {
  let result = spec;
  for (const list of ["containers", "initContainers"]) {
    result = mapItems(result, list, (container) =>
      mapField(container, "resources", (value) => {
        const resources = fieldsOf(value);
        if (resources.limits === undefined) return value;
        const requests = withDefaults(fieldsOf(resources.requests), fieldsOf(resources.limits));
        return requests === resources.requests ? value : { ...resources, requests };
      }),
    );
  }
  return result;
}

/** The pod's class in upstream's sense, from the cpu and memory of its containers. */
export function qosClass(spec: Fields): "Guaranteed" | "Burstable" | "BestEffort" {
  const containers = [...itemsOf(spec.containers), ...itemsOf(spec.initContainers)];
  const resources = containers.map((container) => fieldsOf(container.resources));
  const names = ["cpu", "memory"];
  const asks = ({ limits, requests }: Fields) =>
    names.some((name) => fieldsOf(limits)[name] !== undefined || fieldsOf(requests)[name] !== undefined);
  if (!resources.some(asks)) return "BestEffort";
  const isGuaranteed = resources.every(({ limits, requests }) =>
    names.every((name) => {
      const limit = fieldsOf(limits)[name];
      return limit !== undefined && limit === (fieldsOf(requests)[name] ?? limit);
    }),
  );
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
