import type { Kind } from "../kind.ts";
import { controllerRevisionKind } from "./controller-revision.ts";
import { daemonSetKind } from "./daemon-set.ts";
import { deploymentKind } from "./deployment.ts";
import { replicaSetKind } from "./replica-set.ts";
import { statefulSetKind } from "./stateful-set.ts";

/** The kinds of `apps/v1`. */
export const appsKinds: readonly Kind[] = [
  deploymentKind,
  replicaSetKind,
  statefulSetKind,
  daemonSetKind,
  controllerRevisionKind,
];
