import { CodedError, messageOf } from "../../core/index.ts";
import { parseLabelSelector } from "../../objects/index.ts";
import type { LabelRequirement } from "../../objects/index.ts";
import {
  expectArguments,
  onlyArgument,
  readChoice,
  readDuration,
  readInteger,
  readProperties,
  readZoneList,
} from "./arguments.ts";
import type { Directive, Word } from "./blocks.ts";
import type { Fallthrough, KubernetesSettings } from "./configuration.ts";
import { corefileError } from "./place.ts";

/** Properties that CoreDNS has besides, and what to do without them. */
const elsewhere: Readonly<Record<string, string>> = {
  namespace_labels: "list the namespaces with namespaces",
  apiserver_qps: "one watch for each kind is all that is asked of the API",
  apiserver_burst: "one watch for each kind is all that is asked of the API",
  apiserver_max_inflight: "one watch for each kind is all that is asked of the API",
  upstream: "ExternalNames are resolved by this server itself; remove the line",
  resyncperiod: "objects are watched; remove the line",
  transfer: "use the plugin transfer",
};

/** `kubernetes [ZONES...] { ... }`; the zones of the block count when it names none. */
export function readKubernetes(plugin: Directive, zonesOfBlock: readonly string[]): KubernetesSettings {
  const zones = plugin.args.length === 0 ? zonesOfBlock : readZoneList(plugin.args);
  let settings: KubernetesSettings = {
    file: plugin.file,
    line: plugin.line,
    zones,
    multicluster: [],
    pods: "disabled",
    ttl: 5,
    namespaces: [],
    labels: [],
    endpointPodNames: false,
    withEndpoints: true,
    zonal: false,
    ignoreEmptyService: false,
    startupTimeoutMs: 5000,
    fallthrough: "none",
  };
  const set = (change: Partial<KubernetesSettings>) => {
    settings = { ...settings, ...change };
  };
  readProperties(
    plugin,
    {
      endpoint: (property) => set({ endpoint: readUrl(onlyArgument(property, "endpoint URL")) }),
      tls: (property) => {
        expectArguments(property, 3, 3, "tls CERT KEY CACERT");
        const [certificate, key, ca] = property.args.map(({ text }) => text);
        set({ tls: { certificate: certificate ?? "", key: key ?? "", ca: ca ?? "" } });
      },
      kubeconfig: (property) => {
        expectArguments(property, 1, 2, "kubeconfig FILE [CONTEXT]");
        const [file, context] = property.args;
        if (context !== undefined) {
          throw corefileError(context, "kubernetes: the current context of a kubeconfig is used; leave the name away");
        }
        set({ kubeconfig: file?.text ?? "" });
      },
      namespaces: (property) => {
        expectArguments(property, 1, Infinity, "namespaces NAMESPACE...");
        set({ namespaces: property.args.map(({ text }) => text) });
      },
      labels: (property) => {
        expectArguments(property, 1, Infinity, "labels EXPRESSION");
        set({ labels: readSelector(property) });
      },
      pods: (property) =>
        set({ pods: readChoice(onlyArgument(property, "pods MODE"), ["disabled", "insecure", "verified"]) }),
      endpoint_pod_names: (property) => {
        expectArguments(property, 0, 0, "endpoint_pod_names");
        set({ endpointPodNames: true });
      },
      multicluster: (property) => {
        expectArguments(property, 1, Infinity, "multicluster ZONE...");
        set({ multicluster: readImportZones(property, zones) });
      },
      ttl: (property) => set({ ttl: readInteger(onlyArgument(property, "ttl SECONDS"), 0, 3600) }),
      noendpoints: (property) => {
        expectArguments(property, 0, 0, "noendpoints");
        set({ withEndpoints: false });
      },
      zonal: (property) => {
        expectArguments(property, 0, 0, "zonal");
        set({ zonal: true });
      },
      fallthrough: (property) => set({ fallthrough: readFallthrough(property) }),
      ignore: (property) => {
        readChoice(onlyArgument(property, "ignore empty_service"), ["empty_service"]);
        set({ ignoreEmptyService: true });
      },
      startup_timeout: (property) =>
        set({ startupTimeoutMs: readDuration(onlyArgument(property, "startup_timeout DURATION")) }),
    },
    elsewhere,
  );
  return settings;
}

/** They are among the zones of the plugin, which says what it answers for. */
function readImportZones(property: Directive, zones: readonly string[]): readonly string[] {
  const list = readZoneList(property.args);
  for (const zone of list) {
    if (zone.endsWith(".arpa.")) {
      throw corefileError(
        property,
        `multicluster: ${zone} is a zone of addresses: name one of Services, as clusterset.local`,
      );
    }
    if (!zones.includes(zone)) {
      const written = zones.join(" ");
      throw corefileError(
        property,
        `multicluster: ${zone} is not among the zones of kubernetes: write kubernetes ${written} ${zone}`,
      );
    }
  }
  return list;
}

/** `fallthrough [ZONES...]` of this and other plugins. */
export function readFallthrough(property: Directive): Fallthrough {
  return property.args.length === 0 ? "all" : readZoneList(property.args);
}

function readUrl(word: Word): string {
  if (!/^https?:\/\/[^\s/]+/.test(word.text)) {
    throw corefileError(word, `${JSON.stringify(word.text)} is no URL of an API server: write https://HOST:PORT`);
  }
  return word.text;
}

function readSelector(property: Directive): readonly LabelRequirement[] {
  const text = property.args.map((word) => word.text).join(" ");
  try {
    return parseLabelSelector(text);
  } catch (error) {
    if (!(error instanceof CodedError) && !(error instanceof Error)) throw error;
    throw corefileError(property, `${JSON.stringify(text)} is no label selector: ${messageOf(error)}`);
  }
}
