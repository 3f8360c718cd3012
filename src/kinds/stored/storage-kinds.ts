import type { AnyObject } from "../../objects/index.ts";
import type { KindDefinition } from "../define-kind.ts";
import { fieldsOf, mapField, textOf, textsOf, withDefaults } from "../fields.ts";
import { age, shown, storedTable, wide } from "./stored-table.ts";

type Details = Omit<KindDefinition<AnyObject>, "resource" | "actedOn">;

const shortModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: "RWO",
  ReadOnlyMany: "ROX",
  ReadWriteMany: "RWX",
  ReadWriteOncePod: "RWOP",
};
const classUnset = "<unset>";

function accessModes(value: unknown): string {
  return [...new Set(textsOf(value))]
    .map((mode) => (Object.hasOwn(shortModes, mode) ? (shortModes[mode] ?? "") : mode))
    .join(",");
}

function spec(object: AnyObject): ReturnType<typeof fieldsOf> {
  return fieldsOf(object.spec);
}

function status(object: AnyObject): ReturnType<typeof fieldsOf> {
  return fieldsOf(object.status);
}

/** `v1.PersistentVolumeClaim`: nothing binds it, so it stays Pending. */
export const claimDetails: Details = {
  shortNames: ["pvc"],
  subresources: ["status"],
  hasGeneration: false,
  applyDefaults: (claim) =>
    mapField(claim, "spec", (value) => withDefaults(fieldsOf(value), { volumeMode: "Filesystem" })),
  prepareForCreate: (claim) => ({ ...claim, status: { phase: "Pending" } }),
  ...storedTable([
    shown("Status", (claim) =>
      claim.metadata.deletionTimestamp === undefined ? textOf(status(claim).phase) : "Terminating",
    ),
    shown("Volume", (claim) => textOf(spec(claim).volumeName)),
    shown("Capacity", (claim) => textOf(fieldsOf(status(claim).capacity).storage)),
    shown("Access Modes", (claim) => accessModes(status(claim).accessModes)),
    shown("StorageClass", (claim) => textOf(spec(claim).storageClassName)),
    shown("VolumeAttributesClass", (claim) => textOf(spec(claim).volumeAttributesClassName) || classUnset),
    age,
    wide("VolumeMode", (claim) => textOf(spec(claim).volumeMode) || classUnset),
  ]),
};

/** `v1.PersistentVolume`. */
export const volumeDetails: Details = {
  shortNames: ["pv"],
  subresources: ["status"],
  hasGeneration: false,
  applyDefaults: (volume) =>
    mapField(volume, "spec", (value) =>
      withDefaults(fieldsOf(value), { persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" }),
    ),
  prepareForCreate: (volume) => ({ ...volume, status: { phase: "Pending" } }),
  ...storedTable([
    shown("Capacity", (volume) => textOf(fieldsOf(spec(volume).capacity).storage)),
    shown("Access Modes", (volume) => accessModes(spec(volume).accessModes)),
    shown("Reclaim Policy", (volume) => textOf(spec(volume).persistentVolumeReclaimPolicy)),
    shown("Status", (volume) =>
      volume.metadata.deletionTimestamp === undefined ? textOf(status(volume).phase) : "Terminating",
    ),
    shown("Claim", (volume) => {
      const { namespace, name } = fieldsOf(spec(volume).claimRef);
      return textOf(name) === "" ? "" : `${textOf(namespace)}/${textOf(name)}`;
    }),
    shown("StorageClass", (volume) => textOf(spec(volume).storageClassName)),
    shown("VolumeAttributesClass", (volume) => textOf(spec(volume).volumeAttributesClassName) || classUnset),
    shown("Reason", (volume) => textOf(status(volume).reason)),
    age,
    wide("VolumeMode", (volume) => textOf(spec(volume).volumeMode) || classUnset),
  ]),
};

const defaultClass = "storageclass.kubernetes.io/is-default-class";

/** `storage.k8s.io/v1.StorageClass`. */
export const storageClassDetails: Details = {
  shortNames: ["sc"],
  applyDefaults: (object) => withDefaults(object, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" }),
  ...storedTable(
    [
      shown("Provisioner", (object) => textOf(object.provisioner)),
      shown("ReclaimPolicy", (object) => textOf(object.reclaimPolicy)),
      shown("VolumeBindingMode", (object) => textOf(object.volumeBindingMode)),
      shown("AllowVolumeExpansion", (object) => object.allowVolumeExpansion === true),
      age,
    ],
    ({ metadata }) => (metadata.annotations?.[defaultClass] === "true" ? `${metadata.name} (default)` : metadata.name),
  ),
};
