import type { KubeObject, OwnerReference, Pod, PodTemplate, StringMap } from "../objects/index.ts";

/** The reference by which `owner` controls what it creates. */
export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid ?? "",
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** What differs between the pods of one template. Without a name the API server makes one from the owner's. */
export interface PodIdentity {
  readonly name?: string;
  readonly labels?: StringMap;
  readonly spec?: Partial<Pod["spec"]>;
}

/** A pod of `template` that `owner` controls. */
export function podFromTemplate(owner: KubeObject, template: PodTemplate, identity: PodIdentity = {}): Pod {
  const { namespace } = owner.metadata;
  const annotations = template.metadata?.annotations;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      // The API server reads an empty name as none.
      name: identity.name ?? "",
      ...(identity.name === undefined ? { generateName: `${owner.metadata.name}-` } : {}),
      ...(namespace === undefined ? {} : { namespace }),
      labels: { ...template.metadata?.labels, ...identity.labels },
      ...(annotations === undefined ? {} : { annotations }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: { ...template.spec, ...identity.spec },
  };
}
