import type {
  Endpoint,
  EndpointSlice,
  ObjectMeta,
  ObjectReference,
  Service,
  ServiceSpec,
  StringMap,
} from "../objects/index.ts";

/**
 * Makes the objects of a node's caches small: leaves out what no node looks at, and keeps one copy of what is in very many of
 * them. One for each cache.
 */
export function slimServices(): (service: Service) => Service {
  const shared = new SharedValues();
  return ({ apiVersion, kind, metadata, spec, status }) => {
    const common = {
      apiVersion: shared.text(apiVersion),
      kind: shared.text(kind),
      metadata: shared.metadata(metadata),
      spec: shared.spec(spec),
    };
    if (status === undefined) return common;
    const isEmpty = (status.loadBalancer?.ingress ?? []).length === 0;
    return { ...common, status: isEmpty ? shared.value(status) : status };
  };
}

/** Which endpoints' pods are of interest. */
export interface SlimSlicesOptions {
  /** Only pods of this node keep their names; of all nodes by default. */
  readonly podsOf?: string;
}

/** The same for EndpointSlices: references to pods keep what names them. */
export function slimEndpointSlices({ podsOf }: SlimSlicesOptions = {}): (slice: EndpointSlice) => EndpointSlice {
  const shared = new SharedValues();
  const isOfInterest = (nodeName: string | undefined): boolean => podsOf === undefined || podsOf === nodeName;
  return ({ apiVersion, kind, metadata, addressType, endpoints, ports = [] }) => ({
    apiVersion: shared.text(apiVersion),
    kind: shared.text(kind),
    metadata: shared.metadata(metadata),
    addressType: shared.text(addressType),
    endpoints: endpoints.map((endpoint) => shared.endpoint(endpoint, isOfInterest(endpoint.nodeName))),
    ports: shared.value(ports),
  });
}

/** What kubectl notes for itself is often half of an object. */
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

/** More different values than this are not shared: then they are not what is the same in many objects. */
const mostShared = 10_000;

/**
 * Makes objects of which parts are shared. The usual ones are written out as one literal each: V8 needs twice as much for objects
 * that get one property after the other.
 */
class SharedValues {
  readonly #texts = new Map<string, string>();
  readonly #values = new Map<string, unknown>();

  text<T extends string>(text: T): T {
    const known = this.#texts.get(text);
    if (known === undefined && this.#texts.size < mostShared) this.#texts.set(text, text);
    // Equal texts are of one type.
    return (known ?? text) as T;
  }

  /** One copy of equal values of JSON. */
  value<T>(value: T): T {
    const text = JSON.stringify(value);
    const known = this.#values.get(text);
    if (known === undefined && this.#values.size < mostShared) this.#values.set(text, value);
    return (known ?? value) as T;
  }

  metadata(metadata: ObjectMeta): ObjectMeta {
    const { name, deletionTimestamp, labels } = metadata;
    const namespace = metadata.namespace === undefined ? undefined : this.text(metadata.namespace);
    const { uid, resourceVersion } = metadata;
    const annotations = withoutLastApplied(metadata.annotations);
    if (
      namespace !== undefined &&
      uid !== undefined &&
      resourceVersion !== undefined &&
      deletionTimestamp === undefined
    ) {
      if (labels !== undefined && annotations !== undefined) {
        return { name, namespace, uid, resourceVersion, labels, annotations };
      }
      if (labels !== undefined) return { name, namespace, uid, resourceVersion, labels };
      if (annotations === undefined) return { name, namespace, uid, resourceVersion };
    }
    return {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    };
  }

  /** Copies of one whole object are as small as it was. */
  spec(spec: ServiceSpec): ServiceSpec {
    const { ports, ipFamilies } = spec;
    if (ports === undefined || ipFamilies === undefined) return spec;
    return { ...spec, ports: this.value(ports), ipFamilies: this.value(ipFamilies) };
  }

  endpoint(endpoint: Endpoint, keepsTarget: boolean): Endpoint {
    const { addresses, hostname } = endpoint;
    const conditions = endpoint.conditions === undefined ? undefined : this.value(endpoint.conditions);
    const nodeName = endpoint.nodeName === undefined ? undefined : this.text(endpoint.nodeName);
    const zone = endpoint.zone === undefined ? undefined : this.text(endpoint.zone);
    const hints = endpoint.hints === undefined ? undefined : this.value(endpoint.hints);
    const target = keepsTarget ? endpoint.targetRef : undefined;
    const targetRef = target === undefined ? undefined : this.#reference(target);
    const isUsual = conditions !== undefined && nodeName !== undefined && hostname === undefined;
    if (isUsual && hints === undefined && targetRef === undefined) {
      return zone === undefined ? { addresses, conditions, nodeName } : { addresses, conditions, nodeName, zone };
    }
    if (isUsual && targetRef !== undefined) {
      if (zone === undefined && hints === undefined) return { addresses, conditions, nodeName, targetRef };
      if (zone !== undefined && hints === undefined) return { addresses, conditions, nodeName, targetRef, zone };
      if (zone !== undefined && hints !== undefined) {
        return { addresses, conditions, nodeName, targetRef, zone, hints };
      }
    }
    return {
      addresses,
      ...(conditions === undefined ? {} : { conditions }),
      ...(nodeName === undefined ? {} : { nodeName }),
      ...(targetRef === undefined ? {} : { targetRef }),
      ...(zone === undefined ? {} : { zone }),
      ...(hints === undefined ? {} : { hints }),
      ...(hostname === undefined ? {} : { hostname }),
    };
  }

  #reference({ kind, namespace, name }: ObjectReference): ObjectReference {
    if (kind !== undefined && namespace !== undefined && name !== undefined) {
      return { kind: this.text(kind), namespace: this.text(namespace), name };
    }
    return {
      ...(kind === undefined ? {} : { kind }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { name }),
    };
  }
}

function withoutLastApplied(annotations: StringMap | undefined): StringMap | undefined {
  if (annotations?.[lastApplied] === undefined) return annotations;
  const kept = Object.entries(annotations).filter(([name]) => name !== lastApplied);
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
