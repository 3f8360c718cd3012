import { cidrContains, parseCidr, parseIp } from "../../core/index.ts";
import type { Cidr } from "../../core/index.ts";
import { resources } from "../../objects/index.ts";
import type { KubeObject, ServiceCIDR } from "../../objects/index.ts";
import type { ObjectStore } from "../../store/index.ts";
import { forbidden } from "../errors.ts";
import { timestamp } from "./context.ts";
import type { PipelineContext } from "./context.ts";
import type { KindRules } from "./kind-rules.ts";

/** A network of Service addresses is ready as soon as it is stored, and stays while addresses in it are in use. */
export const serviceCidrRules: KindRules = {
  onCreate: (object, context) => {
    const ready: ServiceCIDR = {
      ...(object as ServiceCIDR),
      status: {
        conditions: [
          {
            type: "Ready",
            status: "True",
            lastTransitionTime: timestamp(context),
            reason: "",
            message: "Kubernetes Service CIDR is ready",
          },
        ],
      },
    };
    return { object: ready, sideWrites: [] };
  },
  onRemove: (object, context) => {
    refuseToOrphan(object, context);
    return [];
  },
};

function refuseToOrphan(object: KubeObject, { store }: PipelineContext): void {
  const own = networksOf(object);
  const others = store
    .list("servicecidrs.networking.k8s.io")
    .items.filter(({ metadata }) => metadata.name !== object.metadata.name)
    .flatMap(networksOf);
  const orphan = addressesIn(store, own).find((address) => !addressesIn(store, others).includes(address));
  if (orphan === undefined) return;
  const why = `there are still IPAddresses referencing the ServiceCIDR (${orphan}), please remove them or create a new ServiceCIDR`;
  throw forbidden(resources.serviceCIDRs, object.metadata.name, why);
}

function networksOf(object: KubeObject): readonly Cidr[] {
  const { cidrs = [] } = (object as ServiceCIDR).spec;
  return cidrs.map((text) => parseCidr(text)).filter((network) => network !== undefined);
}

function addressesIn(store: ObjectStore, networks: readonly Cidr[]): readonly string[] {
  const names = store.list("ipaddresses.networking.k8s.io").items.map(({ metadata }) => metadata.name);
  return names.filter((name) => {
    const address = parseIp(name);
    return address !== undefined && networks.some((network) => cidrContains(network, address));
  });
}
