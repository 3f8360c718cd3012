import { serviceNameLabel } from "../objects/index.ts";
import type { EndpointSlice, ObjectMeta, Service, WantedFields } from "../objects/index.ts";
import { splitAddresses } from "./joined-addresses.ts";
import { portSharing, serviceFacts, sliceFacts, zoneSharing } from "./service-facts.ts";
import type { EndpointNames, HostNames, ServiceFacts, SharePorts, ShareZones, SliceFacts } from "./service-facts.ts";
import { triggerTime } from "./programming-duration.ts";

/** What of its objects a cache keeps when only DNS reads it: options of such caches. */
export interface KeptForDns {
  readonly services: Kept<Service>;
  readonly endpointSlices: Kept<EndpointSlice>;
}

interface Kept<T> {
  /** What `slim` looks at. */
  readonly fields: WantedFields;
  readonly slim: (object: T) => T;
}

/**
 * Makes objects that hold what DNS answers from and nothing else: a fifth of the memory, in a form that is not worked out
 * twice. They have no uid, so that an object that took another's place is a change. Labels stay only `withLabels`, zones of
 * endpoints only `withZones`.
 */
export function keptForDns(names: EndpointNames, withLabels: boolean, withZones = false): KeptForDns {
  const shareZones = withZones ? zoneSharing() : undefined;
  const parts: KeptParts = { names, withLabels, share: portSharing(), shareZones, texts: new Map() };
  const labels = withLabels ? true : { [serviceNameLabel]: true as const };
  const identity = { namespace: true, name: true, resourceVersion: true, labels } as const;
  const spec = {
    type: true,
    externalName: true,
    clusterIP: true,
    clusterIPs: true,
    ports: true,
    selector: true,
  } as const;
  const zone = withZones ? ({ zone: true } as const) : {};
  const endpoint = { addresses: true, conditions: { ready: true }, hostname: true, ...zone } as const;
  return {
    services: { fields: { metadata: identity, spec }, slim: (service) => new KeptService(service, parts) },
    endpointSlices: {
      fields: {
        metadata: { ...identity, annotations: { [triggerTime]: true } },
        addressType: true,
        endpoints: names === "pod" ? { ...endpoint, targetRef: { name: true } } : endpoint,
        ports: true,
      },
      slim: (slice) => new KeptSlice(slice, parts),
    },
  };
}

/** The facts of a Service: as they were kept, or read now. */
export function factsOfService(service: Service, share: SharePorts): ServiceFacts {
  return service instanceof KeptService ? service.facts : serviceFacts(service, share);
}

/** The same for a slice; kept ones were read for the same `names`, and with zones where these are wanted. */
export function factsOfSlice(
  slice: EndpointSlice,
  names: HostNames,
  share: SharePorts,
  shareZones: ShareZones | undefined,
): SliceFacts {
  return slice instanceof KeptSlice ? slice.facts : sliceFacts(slice, names, share, shareZones);
}

interface KeptParts {
  readonly names: EndpointNames;
  readonly withLabels: boolean;
  readonly share: SharePorts;
  readonly shareZones: ShareZones | undefined;
  readonly texts: Map<string, string>;
}

// Classes, because what they have in common costs an object nothing: there is one of them for each object of the cluster.

class KeptService implements Service {
  readonly #namespace: string;
  readonly #name: string;
  readonly #version: string | undefined;
  readonly #labels: ObjectMeta["labels"];
  readonly #hasSelector: boolean;
  readonly facts: ServiceFacts;

  constructor(service: Service, { withLabels, share, texts }: KeptParts) {
    const { namespace = "", name, resourceVersion, labels } = service.metadata;
    this.#namespace = shared(texts, namespace);
    this.#name = name;
    this.#version = resourceVersion;
    this.#labels = withLabels ? labels : undefined;
    this.#hasSelector = Object.keys(service.spec.selector ?? {}).length > 0;
    this.facts = serviceFacts(service, share);
  }

  get apiVersion(): string {
    return "v1";
  }

  get kind(): string {
    return "Service";
  }

  get metadata(): ObjectMeta {
    return metadataOf(this.#namespace, this.#name, this.#version, this.#labels);
  }

  /** The cluster IPs, and whether there is a selector. */
  get spec(): Service["spec"] {
    const { facts } = this;
    const selector = this.#hasSelector ? { selector: { kept: "for-others" } } : {};
    switch (facts.kind) {
      case "headless":
        return { clusterIP: "None", ...selector };
      case "external-name":
        return { type: "ExternalName", ...selector };
      case "cluster-ip": {
        const [clusterIP] = facts.ips;
        return { ...(clusterIP === undefined ? {} : { clusterIP, clusterIPs: facts.ips }), ...selector };
      }
    }
  }
}

class KeptSlice implements EndpointSlice {
  readonly #namespace: string;
  readonly #name: string;
  readonly #version: string | undefined;
  readonly #labels: ObjectMeta["labels"];
  readonly #service: string | undefined;
  readonly #trigger: string | undefined;
  readonly facts: SliceFacts;

  constructor(slice: EndpointSlice, { names, withLabels, share, shareZones, texts }: KeptParts) {
    const { namespace = "", name, resourceVersion, labels, annotations } = slice.metadata;
    this.#namespace = shared(texts, namespace);
    this.#name = name;
    this.#version = resourceVersion;
    this.#labels = withLabels ? labels : undefined;
    this.#service = labels?.[serviceNameLabel];
    this.#trigger = annotations?.[triggerTime];
    this.facts = sliceFacts(slice, names, share, shareZones);
  }

  get apiVersion(): string {
    return "discovery.k8s.io/v1";
  }

  get kind(): string {
    return "EndpointSlice";
  }

  get metadata(): ObjectMeta {
    const service = this.#service === undefined ? undefined : { [serviceNameLabel]: this.#service };
    const annotations = this.#trigger === undefined ? undefined : { [triggerTime]: this.#trigger };
    return metadataOf(this.#namespace, this.#name, this.#version, this.#labels ?? service, annotations);
  }

  get addressType(): EndpointSlice["addressType"] {
    return this.facts.addresses.includes(":") ? "IPv6" : "IPv4";
  }

  /** Those that are published, with the names that they have in DNS. */
  get endpoints(): EndpointSlice["endpoints"] {
    const { addresses, hostnames, zones } = this.facts;
    return splitAddresses(addresses).map((address, i) => {
      const [hostname, zone] = [hostnames?.[i], zones?.[i]];
      const named = hostname === undefined ? {} : { hostname };
      return { addresses: [address], ...named, ...(zone === undefined ? {} : { zone }) };
    });
  }
}

/** Asked for many times for each object, so the usual ones are literals. */
function metadataOf(
  namespace: string,
  name: string,
  resourceVersion: string | undefined,
  labels: ObjectMeta["labels"],
  annotations?: ObjectMeta["annotations"],
): ObjectMeta {
  if (resourceVersion !== undefined) {
    if (labels === undefined && annotations === undefined) return { namespace, name, resourceVersion };
    if (labels !== undefined && annotations === undefined) return { namespace, name, resourceVersion, labels };
    if (labels !== undefined && annotations !== undefined) {
      return { namespace, name, resourceVersion, labels, annotations };
    }
  }
  return {
    namespace,
    name,
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** One copy of equal texts, of which there are few. */
function shared(texts: Map<string, string>, text: string): string {
  const known = texts.get(text);
  if (known !== undefined) return known;
  texts.set(text, text);
  return text;
}
