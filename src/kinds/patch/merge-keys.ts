/** How strategic merge patch treats one list or struct (upstream's `patchStrategy` and `patchMergeKey`). */
export type MergeRule =
  /** A list of objects that are the same when `key` is. */
  | { readonly kind: "mergeByKey"; readonly key: string; readonly retainKeys?: true }
  /** A list of scalars that is a set. */
  | { readonly kind: "mergeSet" }
  /** A struct of alternatives: `$retainKeys` says which of them stay. */
  | { readonly kind: "retainKeys" };

const set: MergeRule = { kind: "mergeSet" };
const retainKeys: MergeRule = { kind: "retainKeys" };

function by(key: string): MergeRule {
  return { kind: "mergeByKey", key };
}

/** `Type.field` of the schema -> rule. A list without a rule is atomic: a patch replaces it. */
const rules: Readonly<Record<string, MergeRule>> = {
  "ObjectMeta.finalizers": set,
  "ObjectMeta.ownerReferences": by("uid"),
  "PodSpec.containers": by("name"),
  "PodSpec.ephemeralContainers": by("name"),
  "PodSpec.hostAliases": by("ip"),
  "PodSpec.imagePullSecrets": by("name"),
  "PodSpec.initContainers": by("name"),
  "PodSpec.schedulingGates": by("name"),
  "PodSpec.resourceClaims": { kind: "mergeByKey", key: "name", retainKeys: true },
  "PodSpec.topologySpreadConstraints": by("topologyKey"),
  "PodSpec.volumes": { kind: "mergeByKey", key: "name", retainKeys: true },
  "PodStatus.conditions": by("type"),
  "PodStatus.hostIPs": by("ip"),
  "PodStatus.podIPs": by("ip"),
  "PodStatus.resourceClaimStatuses": { kind: "mergeByKey", key: "name", retainKeys: true },
  "Container.env": by("name"),
  "Container.ports": by("containerPort"),
  "Container.volumeDevices": by("devicePath"),
  "Container.volumeMounts": by("mountPath"),
  "ContainerStatus.volumeMounts": by("mountPath"),
  "EphemeralContainer.env": by("name"),
  "EphemeralContainer.ports": by("containerPort"),
  "EphemeralContainer.volumeDevices": by("devicePath"),
  "EphemeralContainer.volumeMounts": by("mountPath"),
  "ServiceSpec.ports": by("port"),
  "ServiceStatus.conditions": by("type"),
  "ServiceAccount.secrets": by("name"),
  "NodeSpec.podCIDRs": set,
  "NodeStatus.addresses": by("type"),
  "NodeStatus.conditions": by("type"),
  "NamespaceStatus.conditions": by("type"),
  "PersistentVolumeClaimStatus.conditions": by("type"),
  "ReplicationControllerStatus.conditions": by("type"),
  "ReplicaSetStatus.conditions": by("type"),
  "DeploymentSpec.strategy": retainKeys,
  "DeploymentStatus.conditions": by("type"),
  "StatefulSetStatus.conditions": by("type"),
  "DaemonSetStatus.conditions": by("type"),
  "JobStatus.conditions": by("type"),
  "ServiceCIDRStatus.conditions": by("type"),
  "NetworkPolicyStatus.conditions": by("type"),
  "PodDisruptionBudgetStatus.conditions": by("type"),
  "APIServiceStatus.conditions": by("type"),
  "FlowSchemaStatus.conditions": by("type"),
  "PriorityLevelConfigurationStatus.conditions": by("type"),
  "CSINodeSpec.drivers": by("name"),
  "MutatingWebhookConfiguration.webhooks": by("name"),
  "ValidatingWebhookConfiguration.webhooks": by("name"),
  "ValidatingAdmissionPolicySpec.matchConditions": by("name"),
  "ValidatingAdmissionPolicySpec.variables": by("name"),
  "MutatingAdmissionPolicySpec.matchConditions": by("name"),
  "MutatingWebhook.matchConditions": by("name"),
  "ValidatingWebhook.matchConditions": by("name"),
  "ResourceClaimStatus.reservedFor": by("uid"),
};

/** The rule for a field of a struct type; `undefined` where a list is replaced and a struct merged as usual. */
export function mergeRule(structName: string, field: string): MergeRule | undefined {
  const key = `${structName}.${field}`;
  return Object.hasOwn(rules, key) ? rules[key] : undefined;
}
