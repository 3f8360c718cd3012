import { resources } from "../../objects/index.ts";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";

/** The kinds of `apps/v1`. */
export const appsKinds: readonly Kind[] = [
  defineKind<Deployment>({
    resource: resources.deployments,
    actedOn: true,
    shortNames: ["deploy"],
    categories: ["all"],
    subresources: ["status", "scale"],
  }),
  defineKind<ReplicaSet>({
    resource: resources.replicaSets,
    actedOn: true,
    shortNames: ["rs"],
    categories: ["all"],
    subresources: ["status", "scale"],
  }),
  defineKind<StatefulSet>({
    resource: resources.statefulSets,
    actedOn: true,
    shortNames: ["sts"],
    categories: ["all"],
    subresources: ["status", "scale"],
  }),
  defineKind<DaemonSet>({
    resource: resources.daemonSets,
    actedOn: true,
    shortNames: ["ds"],
    categories: ["all"],
    subresources: ["status"],
  }),
  defineKind<ControllerRevision>({ resource: resources.controllerRevisions, actedOn: true }),
];
