// Writes src/kinds/schema/builtin.generated.ts: the fields of every built-in kind that the API server serves.
//
//   npm pack @kubernetes/client-node@2.0.1      (in a directory outside of the repository; then extract the archive)
//   node scripts/generate-schema.mjs DIR/package
//
// The facts come from that package's generated model classes (`attributeTypeMap`), which follow Kubernetes' OpenAPI document.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The kinds served: everything else in the file is what these refer to. */
const roots = [
  ..."ConfigMap ControllerRevision CronJob CSIDriver CSINode CSIStorageCapacity CertificateSigningRequest ClusterRole".split(
    " ",
  ),
  ..."ClusterRoleBinding CustomResourceDefinition APIService DaemonSet Deployment DeviceClass EndpointSlice Endpoints".split(
    " ",
  ),
  ..."FlowSchema HorizontalPodAutoscaler IPAddress Ingress IngressClass Job Lease LimitRange MutatingAdmissionPolicy".split(
    " ",
  ),
  ..."MutatingAdmissionPolicyBinding MutatingWebhookConfiguration Namespace NetworkPolicy Node PersistentVolume".split(
    " ",
  ),
  ..."PersistentVolumeClaim Pod PodDisruptionBudget PodTemplate PriorityClass PriorityLevelConfiguration ReplicaSet".split(
    " ",
  ),
  ..."ReplicationController ResourceClaimTemplate ResourceQuota ResourceSlice Role RoleBinding RuntimeClass Scale".split(
    " ",
  ),
  ..."Secret Service ServiceAccount ServiceCIDR StatefulSet StorageClass ValidatingAdmissionPolicy".split(" "),
  ..."ValidatingAdmissionPolicyBinding ValidatingWebhookConfiguration VolumeAttachment VolumeAttributesClass".split(
    " ",
  ),
]
  .map((kind) => `V1${kind}`)
  .concat("CoreV1Event", "EventsV1Event", "V2HorizontalPodAutoscaler", "ResourceV1ResourceClaim");

/** `resource.Quantity` is a plain string in the model classes. */
const quantities = new Set(
  [
    "V1ResourceRequirements.limits V1ResourceRequirements.requests V1VolumeResourceRequirements.limits",
    "V1VolumeResourceRequirements.requests V1NodeStatus.allocatable V1NodeStatus.capacity V1LimitRangeItem.default",
    "V1LimitRangeItem.defaultRequest V1LimitRangeItem.max V1LimitRangeItem.maxLimitRequestRatio V1LimitRangeItem.min",
    "V1ContainerStatus.allocatedResources V1PersistentVolumeClaimStatus.allocatedResources V1PersistentVolumeClaimStatus.capacity",
    "V1PodSpec.overhead V1PodStatus.allocatedResources V1PersistentVolumeSpec.capacity V1ResourceQuotaSpec.hard",
    "V1ResourceQuotaStatus.hard V1ResourceQuotaStatus.used V1EmptyDirVolumeSource.sizeLimit V1ResourceFieldSelector.divisor",
    "V1CSIStorageCapacity.capacity V1CSIStorageCapacity.maximumVolumeSize V1Counter.value V1DeviceCapacity.value",
    "V1CapacityRequirements.requests V2MetricTarget.averageValue V2MetricTarget.value V2MetricValueStatus.averageValue",
    "V2MetricValueStatus.value V1Overhead.podFixed",
  ].flatMap((line) => line.split(" ")),
);

const source = process.argv[2];
if (source === undefined) {
  console.error("usage: node scripts/generate-schema.mjs PACKAGE_DIRECTORY (an extracted @kubernetes/client-node)");
  process.exit(2);
}
const { version } = JSON.parse(readFileSync(join(source, "package.json"), "utf8"));

const types = new Map();
const waiting = [...roots];
const foundQuantities = new Set();
for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
  if (types.has(name)) continue;
  const path = pathToFileURL(join(source, "dist/gen/models", `${name}.js`)).href;
  const { [name]: model } = await import(path);
  const fields = model.attributeTypeMap.map(({ baseName, type, format }) => {
    const key = `${name}.${baseName}`;
    if (quantities.has(key)) foundQuantities.add(key);
    return `${baseName}:${encode(type, quantities.has(key) ? "quantity" : format)}`;
  });
  types.set(name, fields.join(","));
}
for (const key of quantities) if (!foundQuantities.has(key)) throw new Error(`No such field: ${key}`);

const lines = [...types]
  .map(([name, fields]) => [shortName(name), fields])
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, fields]) => `  ${name}: ${JSON.stringify(fields)},`);
const target = join(dirname(fileURLToPath(import.meta.url)), "../src/kinds/schema/builtin.generated.ts");
writeFileSync(
  target,
  `// Written by scripts/generate-schema.mjs from @kubernetes/client-node ${version} (Apache-2.0), Kubernetes v1.36. Do not edit.

/**
 * Type name -> \`field:type\` joined by commas. Types: s string, i int32, l int64, f float64, b boolean, x int or string,
 * q quantity, t time, m time with microseconds, y bytes in base64, a anything; [T] list, {T} map, else a type of this table.
 * Names are upstream's Go names; those of another version than v1, or that exist in several groups, keep a prefix.
 */
export const builtinTypes: Readonly<Record<string, string>> = {
${lines.join("\n")}
};
`,
);
console.log(`${types.size} types`);

function shortName(name) {
  return name.replace(/^V1(?=[A-Z])/, "");
}

function encode(type, format) {
  const list = /^Array<(.+)>$/.exec(type);
  if (list !== null) return `[${encode(list[1], format)}]`;
  const map = /^\{ \[key: string\]: (.+); \}$/.exec(type);
  if (map !== null) return `{${encode(map[1], format)}}`;
  if (type === "string") return { quantity: "q", byte: "y" }[format] ?? "s";
  if (type === "number") return { int32: "i", int64: "l", double: "f" }[format] ?? unknown(type, format);
  if (type === "boolean") return "b";
  if (type === "any") return "a";
  if (type === "IntOrString") return "x";
  if (type === "Date" || type === "V1MicroTime")
    return format === "date-time-micro" || type === "V1MicroTime" ? "m" : "t";
  if (!/^[A-Z]/.test(type)) unknown(type, format);
  waiting.push(type);
  return shortName(type);
}

function unknown(type, format) {
  throw new Error(`No encoding for type ${type} of format ${format}`);
}
