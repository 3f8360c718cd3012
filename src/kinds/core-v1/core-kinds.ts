import type { Kind } from "../kind.ts";
import { configMapKind, secretKind, serviceAccountKind } from "./config.ts";
import { endpointsKind } from "./endpoints.ts";
import { namespaceKind } from "./namespace.ts";
import { nodeKind } from "./node.ts";
import { podKind } from "./pod.ts";
import { replicationControllerKind } from "./replication-controller.ts";
import { serviceKind } from "./service.ts";

/** The kinds of the core group that something acts on. */
export const coreKinds: readonly Kind[] = [
  namespaceKind,
  nodeKind,
  podKind,
  serviceKind,
  endpointsKind,
  replicationControllerKind,
  configMapKind,
  secretKind,
  serviceAccountKind,
];
