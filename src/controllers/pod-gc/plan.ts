import type { Pod } from "../../objects/index.ts";

/** Why a pod is removed by force, if it is: nobody is left who could end it properly. */
export type Abandonment = "none" | "node-gone" | "never-started";

/** Judges one pod. */
export function judgePod(pod: Pod, nodeExists: (name: string) => boolean): Abandonment {
  const nodeName = pod.spec.nodeName ?? "";
  if (nodeName === "") return pod.metadata.deletionTimestamp === undefined ? "none" : "never-started";
  return nodeExists(nodeName) ? "none" : "node-gone";
}
