import { defineKind } from "../define-kind.ts";
import type { KindDefinition } from "../define-kind.ts";
import type { AnyObject } from "../../objects/index.ts";
import type { Kind } from "../kind.ts";
import { cronJobDetails, jobDetails } from "./batch-kinds.ts";
import {
  autoscalerDetails,
  createdAt,
  disruptionBudgetDetails,
  networkPolicyDetails,
  priorityClassDetails,
  roleBindingDetails,
} from "./policy-kinds.ts";
import { claimDetails, storageClassDetails, volumeDetails } from "./storage-kinds.ts";

type Details = Omit<KindDefinition<AnyObject>, "resource" | "actedOn">;

function stored(group: string, version: string, kind: string, plural: string, details: Details): Kind {
  return defineKind<AnyObject>({
    resource: { group, version, kind, plural, namespaced: true },
    actedOn: false,
    ...details,
  });
}

function clusterWide(group: string, version: string, kind: string, plural: string, details: Details): Kind {
  return defineKind<AnyObject>({
    resource: { group, version, kind, plural, namespaced: false },
    actedOn: false,
    ...details,
  });
}

const status = ["status"] as const;
const admission = "admissionregistration.k8s.io";
const flow = "flowcontrol.apiserver.k8s.io";
const rbac = "rbac.authorization.k8s.io";
const storage = "storage.k8s.io";
const dra = "resource.k8s.io";

/** The built-in kinds that real manifests carry and that nothing here acts on: data with upstream's names. */
export const storedKinds: readonly Kind[] = [
  stored("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", claimDetails),
  stored("", "v1", "PodTemplate", "podtemplates", { hasGeneration: true }),
  stored("", "v1", "ResourceQuota", "resourcequotas", { shortNames: ["quota"], subresources: status }),
  stored("", "v1", "LimitRange", "limitranges", { shortNames: ["limits"], ...createdAt }),
  clusterWide("", "v1", "PersistentVolume", "persistentvolumes", volumeDetails),
  stored("batch", "v1", "Job", "jobs", jobDetails),
  stored("batch", "v1", "CronJob", "cronjobs", cronJobDetails),
  stored("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", {
    ...autoscalerDetails,
    schemaType: "V2HorizontalPodAutoscaler",
  }),
  stored("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", autoscalerDetails),
  stored("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", disruptionBudgetDetails),
  stored("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", networkPolicyDetails),
  stored(rbac, "v1", "Role", "roles", { nameRule: "pathSegment", ...createdAt }),
  stored(rbac, "v1", "RoleBinding", "rolebindings", roleBindingDetails),
  clusterWide(rbac, "v1", "ClusterRole", "clusterroles", { nameRule: "pathSegment", ...createdAt }),
  clusterWide(rbac, "v1", "ClusterRoleBinding", "clusterrolebindings", roleBindingDetails),
  clusterWide("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", priorityClassDetails),
  clusterWide("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", {}),
  clusterWide(storage, "v1", "StorageClass", "storageclasses", storageClassDetails),
  clusterWide(storage, "v1", "CSIDriver", "csidrivers", {}),
  clusterWide(storage, "v1", "CSINode", "csinodes", {}),
  clusterWide(storage, "v1", "VolumeAttachment", "volumeattachments", { subresources: status }),
  clusterWide(storage, "v1", "VolumeAttributesClass", "volumeattributesclasses", { shortNames: ["vac"] }),
  stored(storage, "v1", "CSIStorageCapacity", "csistoragecapacities", {}),
  clusterWide(admission, "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", {
    categories: ["api-extensions"],
    hasGeneration: true,
  }),
  clusterWide(admission, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", {
    categories: ["api-extensions"],
    hasGeneration: true,
  }),
  clusterWide(admission, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", {
    categories: ["api-extensions"],
    subresources: status,
  }),
  clusterWide(admission, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", {
    categories: ["api-extensions"],
    hasGeneration: true,
  }),
  clusterWide(admission, "v1", "MutatingAdmissionPolicy", "mutatingadmissionpolicies", {
    categories: ["api-extensions"],
    hasGeneration: true,
  }),
  clusterWide(admission, "v1", "MutatingAdmissionPolicyBinding", "mutatingadmissionpolicybindings", {
    categories: ["api-extensions"],
    hasGeneration: true,
  }),
  clusterWide("certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", {
    shortNames: ["csr"],
    subresources: status,
  }),
  clusterWide("apiregistration.k8s.io", "v1", "APIService", "apiservices", {
    categories: ["api-extensions"],
    subresources: status,
    hasGeneration: false,
  }),
  clusterWide("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", {
    shortNames: ["crd", "crds"],
    ...createdAt,
    categories: ["api-extensions"],
    subresources: status,
  }),
  clusterWide(flow, "v1", "FlowSchema", "flowschemas", { subresources: status }),
  clusterWide(flow, "v1", "PriorityLevelConfiguration", "prioritylevelconfigurations", { subresources: status }),
  clusterWide(dra, "v1", "DeviceClass", "deviceclasses", { hasGeneration: true }),
  stored(dra, "v1", "ResourceClaim", "resourceclaims", { schemaType: "ResourceV1ResourceClaim", subresources: status }),
  stored(dra, "v1", "ResourceClaimTemplate", "resourceclaimtemplates", {}),
  clusterWide(dra, "v1", "ResourceSlice", "resourceslices", { hasGeneration: true }),
];
