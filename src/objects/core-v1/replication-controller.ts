import type { Condition, KubeObject, StringMap } from "../meta.ts";
import type { PodTemplate } from "./pod.ts";

/** `v1.ReplicationController`. */
export interface ReplicationController extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly selector?: StringMap;
    readonly minReadySeconds?: number;
    readonly template?: PodTemplate;
  };
  readonly status?: {
    readonly replicas: number;
    readonly fullyLabeledReplicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}
