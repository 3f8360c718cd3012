import type { KubeObject, Pod } from "../../objects/index.ts";
import { isPodFinished } from "../../objects/index.ts";
import type { KindRules } from "./kind-rules.ts";

const defaultGraceSeconds = 30;

/** Pods on a node are stopped by the node's agent, which deletes them finally; others go at once. */
export const podRules: KindRules = {
  returnsDeleted: true,
  onCreate: (object) => {
    const pod = object as Pod;
    const withPhase: KubeObject & Pick<Pod, "status"> = {
      ...pod,
      status: { ...pod.status, phase: pod.status?.phase ?? "Pending" },
    };
    return { object: withPhase, sideWrites: [] };
  },
  gracePeriod: (object, requested) => {
    const pod = object as Pod;
    if ((pod.spec.nodeName ?? "") === "" || isPodFinished(pod)) return 0;
    return Math.max(0, requested ?? pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds);
  },
};
