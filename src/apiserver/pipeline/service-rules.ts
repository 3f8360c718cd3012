import type { Ip } from "../../core/index.ts";
import type { Service } from "../../objects/index.ts";
import type { ObjectStore, Write } from "../../store/index.ts";
import { allocate } from "../services/allocation.ts";
import { addressWrites } from "../services/cluster-ip-allocator.ts";
import { heldAddresses } from "../services/pools.ts";
import { timestamp } from "./context.ts";
import type { PipelineContext } from "./context.ts";
import type { Draft, KindRules } from "./kind-rules.ts";

/** Services get addresses and ports on the way in, and give them back on the way out. */
export const serviceRules: KindRules = {
  returnsDeleted: true,
  onCreate: (object, context) => allocated(object as Service, undefined, context),
  onUpdate: (object, old, _wanted, subresource, context) =>
    subresource === undefined ? allocated(object as Service, old as Service, context) : { object, sideWrites: [] },
  onRemove: (object, context) => {
    const service = object as Service;
    const { namespace, name } = service.metadata;
    const addresses = writesFor(service, [], heldAddresses(service), context);
    if (context.store.get("endpoints", namespace, name) === undefined) return addresses;
    return [...addresses, { kind: "delete", table: "endpoints", namespace, name, expect: { kind: "any" } }];
  },
};

function allocated(wanted: Service, old: Service | undefined, context: PipelineContext): Draft {
  const { service, taken, released } = allocate(context, wanted, old);
  return { object: service, sideWrites: writesFor(service, taken, released, context) };
}

function writesFor(
  service: Service,
  taken: readonly Ip[],
  released: readonly Ip[],
  context: PipelineContext,
): readonly Write[] {
  const creation = { uid: context.uid, timestamp: timestamp(context) };
  return addressWrites(service, taken, released, creation, (address) => isRecorded(context.store, address));
}

function isRecorded(store: ObjectStore, address: Ip): boolean {
  return store.get("ipaddresses.networking.k8s.io", undefined, address) !== undefined;
}
