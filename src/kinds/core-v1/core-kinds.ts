import { resources } from "../../objects/index.ts";
import type {
  ConfigMap,
  Endpoints,
  Namespace,
  Node,
  Pod,
  ReplicationController,
  Service,
  ServiceAccount,
  AnyObject,
} from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";

/** The kinds of the core group that something acts on. */
export const coreKinds: readonly Kind[] = [
  defineKind<Namespace>({
    resource: resources.namespaces,
    actedOn: true,
    nameRule: "label",
    shortNames: ["ns"],
    subresources: ["status"],
    hasGeneration: false,
  }),
  defineKind<Node>({
    resource: resources.nodes,
    actedOn: true,
    shortNames: ["no"],
    subresources: ["status"],
    hasGeneration: false,
  }),
  defineKind<Pod>({
    resource: resources.pods,
    actedOn: true,
    shortNames: ["po"],
    categories: ["all"],
    subresources: ["status"],
  }),
  defineKind<Service>({
    resource: resources.services,
    actedOn: true,
    nameRule: "dns1035",
    shortNames: ["svc"],
    categories: ["all"],
    subresources: ["status"],
    hasGeneration: false,
  }),
  defineKind<Endpoints>({ resource: resources.endpoints, actedOn: true, shortNames: ["ep"] }),
  defineKind<ReplicationController>({
    resource: resources.replicationControllers,
    actedOn: true,
    shortNames: ["rc"],
    categories: ["all"],
    subresources: ["status", "scale"],
  }),
  defineKind<ConfigMap>({ resource: resources.configMaps, actedOn: true, shortNames: ["cm"] }),
  defineKind<AnyObject>({ resource: resources.secrets, actedOn: true }),
  defineKind<ServiceAccount>({ resource: resources.serviceAccounts, actedOn: true, shortNames: ["sa"] }),
];
