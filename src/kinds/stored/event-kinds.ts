import { resources } from "../../objects/index.ts";
import type { AnyObject, Event, Lease } from "../../objects/index.ts";
import { defineKind } from "../define-kind.ts";
import type { Kind } from "../kind.ts";

/** `coordination.k8s.io/v1.Lease`. */
export const leaseKind: Kind = defineKind<Lease>({ resource: resources.leases, actedOn: true });

/** Events as the core group and `events.k8s.io` serve them. They are two views of the same objects. */
export const eventKinds: readonly Kind[] = [
  defineKind<Event>({ resource: resources.events, actedOn: true, shortNames: ["ev"], schemaType: "CoreV1Event" }),
  defineKind<AnyObject>({
    resource: { group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", namespaced: true },
    actedOn: true,
    shortNames: ["ev"],
    schemaType: "EventsV1Event",
  }),
];
