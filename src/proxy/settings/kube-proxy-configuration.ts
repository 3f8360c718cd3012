import { goDuration, parseGoDuration, CodedError, parseCidr } from "../../core/index.ts";
import { parseScheduler, schedulers } from "../../model/index.ts";
import { proxyModes } from "../engine.ts";
import type { ProxyMode } from "../engine.ts";
import { bindAddressText, parseBindAddress } from "./bind-address.ts";
import { FieldReader } from "./field-reader.ts";
import type { Findings } from "./field-reader.ts";
import { parseNodePortAddress } from "./node-port-addresses.ts";
import { defaultProxySettings } from "./proxy-settings.ts";
import type { ConntrackSettings, ProxySettings } from "./proxy-settings.ts";

export const kubeProxyApiVersion = "kubeproxy.config.k8s.io/v1alpha1";

/** What a configuration file says. */
export interface KubeProxyConfigurationReading {
  readonly settings: ProxySettings;
  /** What of it is not acted on, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a KubeProxyConfiguration (v1alpha1), as kubeadm keeps it in the ConfigMap `kube-proxy`, parsed from YAML or JSON.
 * What the file does not say is as in `base`. Throws `CodedError` "InvalidProxyConfiguration" that names every wrong field.
 */
export function readKubeProxyConfiguration(
  value: unknown,
  base: ProxySettings = defaultProxySettings,
): KubeProxyConfigurationReading {
  const findings: Findings = { errors: [], warnings: [] };
  const file = new FieldReader(value, "", findings);
  const settings = readAll(file, base);
  file.finish();
  if (findings.errors.length > 0) {
    const list = findings.errors.map(({ path, message }) => `${path} ${message}`).join("; ");
    throw new CodedError("InvalidProxyConfiguration", `KubeProxyConfiguration: ${list}`);
  }
  return { settings, warnings: findings.warnings };
}

function readAll(file: FieldReader, base: ProxySettings): ProxySettings {
  const kind = file.text("kind");
  const apiVersion = file.text("apiVersion");
  if (kind !== "KubeProxyConfiguration")
    file.error("kind", `must be "KubeProxyConfiguration", not ${JSON.stringify(kind)}`);
  if (apiVersion !== kubeProxyApiVersion) {
    file.error("apiVersion", `must be "${kubeProxyApiVersion}", not ${JSON.stringify(apiVersion)}`);
  }
  const mode = file.parsed("mode", parseMode, `one of ${proxyModes.join(", ")}`) ?? base.mode;
  const iptables = readSync(file.object("iptables"), true);
  const nftables = readSync(file.object("nftables"), false);
  const ipvs = readIpvs(file.object("ipvs"), base);
  const own = mode === "iptables" ? iptables : mode === "ipvs" ? ipvs.sync : nftables;
  // As in kube-proxy, IPVS has its masquerading from the part of iptables.
  const marks = mode === "nftables" || mode === "userspace" ? nftables : iptables;
  const kubeconfig = readClient(file.object("clientConnection"));
  const hostnameOverride = file.text("hostnameOverride");
  const healthz = readBind(file, "healthzBindAddress", 10256, base.healthz);
  const metrics = readBind(file, "metricsBindAddress", 10249, base.metrics);
  file.ignored({
    featureGates: "there are none here",
    logging: "messages go to standard error",
    bindAddress: "the node's addresses are those of its Node object",
    enableProfiling: "there is no profiler to serve",
    showHiddenMetricsForVersion: "no metric is hidden",
    winkernel: "it is for Windows",
    windowsRunAsService: "it is for Windows",
    oomScoreAdj: "set it where the process is started",
    configSyncPeriod: "the API is watched",
    portRange: "kube-proxy does not use it either",
  });
  const { scheduler } = ipvs;
  return {
    mode,
    localTraffic: readLocalTraffic(file, base),
    masqueradeAll: marks.masqueradeAll ?? base.masqueradeAll,
    masqueradeBit: marks.masqueradeBit ?? base.masqueradeBit,
    nodePortAddresses: readNodePortAddresses(file) ?? base.nodePortAddresses,
    localhostNodePorts: iptables.localhostNodePorts ?? base.localhostNodePorts,
    minSyncMs: own.minSyncMs ?? base.minSyncMs,
    syncMs: own.syncMs ?? base.syncMs,
    // Kept in every mode: a node may be switched to one that has schedulers for all Services.
    ...(scheduler === undefined ? {} : { scheduler }),
    ipvs: ipvs.settings,
    conntrack: readConntrack(file.object("conntrack"), base.conntrack),
    resetRemoved: base.resetRemoved,
    ...(healthz === undefined ? {} : { healthz }),
    ...(metrics === undefined ? {} : { metrics }),
    bindAddressHardFail: file.flag("bindAddressHardFail") ?? base.bindAddressHardFail,
    ...optional("hostnameOverride", hostnameOverride ?? base.hostnameOverride),
    ...optional("kubeconfig", kubeconfig ?? base.kubeconfig),
  };
}

function optional<K extends string>(key: K, value: string | undefined): { readonly [key in K]?: string } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [key in K]?: string });
}

/** Reads the name of a mode. */
export function parseMode(text: string): ProxyMode | undefined {
  return proxyModes.find((mode) => mode === text);
}

const duration = "a duration such as 30s or 1m";

interface SyncFields {
  readonly masqueradeAll?: boolean | undefined;
  readonly masqueradeBit?: number | undefined;
  readonly localhostNodePorts?: boolean | undefined;
  readonly syncMs?: number | undefined;
  readonly minSyncMs?: number | undefined;
}

/** The default of 1 s is kube-proxy's way to bear bursts; a file that only carries it along asks for nothing. */
function readSync(part: FieldReader, isIptables: boolean): SyncFields {
  const fields: SyncFields = {
    masqueradeAll: part.flag("masqueradeAll"),
    masqueradeBit: part.integer("masqueradeBit", 0, 31),
    syncMs: positive(part.parsed("syncPeriod", parseGoDuration, duration)),
    minSyncMs: part.parsed("minSyncPeriod", parseGoDuration, duration),
    ...(isIptables ? { localhostNodePorts: part.flag("localhostNodePorts") } : {}),
  };
  if (isIptables) part.ignored({ snatNodeInternalIP: "masquerading takes the address of the link" });
  part.finish();
  return fields;
}

function positive(milliseconds: number | undefined): number | undefined {
  return milliseconds === 0 ? undefined : milliseconds;
}

function readIpvs(part: FieldReader, base: ProxySettings) {
  const time = (name: string, before: number) => part.parsed(name, parseGoDuration, duration) ?? before;
  const sync: SyncFields = {
    syncMs: positive(part.parsed("syncPeriod", parseGoDuration, duration)),
    minSyncMs: part.parsed("minSyncPeriod", parseGoDuration, duration),
  };
  const result = {
    sync,
    scheduler: part.parsed("scheduler", parseScheduler, `one of ${schedulers.join(", ")}`) ?? base.scheduler,
    settings: {
      tcpTimeoutMs: time("tcpTimeout", base.ipvs.tcpTimeoutMs),
      tcpFinTimeoutMs: time("tcpFinTimeout", base.ipvs.tcpFinTimeoutMs),
      udpTimeoutMs: time("udpTimeout", base.ipvs.udpTimeoutMs),
    },
  };
  // Always on: a file that leaves it off, as kubeadm's does, asks for nothing (docs/deviations.md).
  part.flag("strictARP");
  part.ignored({ excludeCIDRs: "virtual servers of others are never touched" });
  part.finish();
  return result;
}

function readConntrack(part: FieldReader, base: ConntrackSettings): ConntrackSettings {
  const number = (name: string) => part.integer(name, 0, 2 ** 31 - 1);
  const time = (name: string) => positive(part.parsed(name, parseGoDuration, duration));
  const read = {
    maxPerCore: number("maxPerCore"),
    min: number("min"),
    tcpEstablishedMs: time("tcpEstablishedTimeout"),
    tcpCloseWaitMs: time("tcpCloseWaitTimeout"),
    udpMs: time("udpTimeout"),
    udpStreamMs: time("udpStreamTimeout"),
  };
  const tcpBeLiberal = part.flag("tcpBeLiberal") ?? base.tcpBeLiberal;
  part.finish();
  const said = Object.fromEntries(Object.entries(read).filter(([, value]) => value !== undefined));
  return { ...base, ...said, tcpBeLiberal };
}

function readClient(part: FieldReader): string | undefined {
  const kubeconfig = part.text("kubeconfig");
  part.ignored({
    acceptContentTypes: "JSON is spoken",
    contentType: "JSON is spoken",
    qps: "requests are few",
    burst: "requests are few",
  });
  part.finish();
  return kubeconfig;
}

function readBind(
  file: FieldReader,
  name: string,
  port: number,
  before: ProxySettings["healthz"],
): ProxySettings["healthz"] {
  return file.parsed(name, (text) => parseBindAddress(text, port), "IP:PORT") ?? before;
}

function readLocalTraffic(file: FieldReader, base: ProxySettings): ProxySettings["localTraffic"] {
  const mode = file.text("detectLocalMode") ?? "";
  const clusterCidr = file.text("clusterCIDR") ?? "";
  const part = file.object("detectLocal");
  const bridge = part.text("bridgeInterface") ?? "";
  const prefix = part.text("interfaceNamePrefix") ?? "";
  part.finish();
  switch (mode) {
    case "":
    case "ClusterCIDR": {
      if (clusterCidr === "") return mode === "" ? base.localTraffic : { kind: "unknown" };
      const cidrs = clusterCidr.split(",").map((text) => parseCidr(text.trim()));
      const valid = cidrs.flatMap((one) => one ?? []);
      if (valid.length !== cidrs.length) {
        file.error(
          "clusterCIDR",
          `must be one network or two, separated by a comma, not ${JSON.stringify(clusterCidr)}`,
        );
      }
      return { kind: "pod-cidrs", cidrs: valid };
    }
    case "NodeCIDR":
      return { kind: "node-cidr" };
    case "BridgeInterface":
      if (bridge === "") part.error("bridgeInterface", "must name a bridge when detectLocalMode is BridgeInterface");
      return { kind: "bridge", name: bridge };
    case "InterfaceNamePrefix":
      if (prefix === "") {
        part.error("interfaceNamePrefix", "must be a prefix when detectLocalMode is InterfaceNamePrefix");
      }
      return { kind: "interface-prefix", prefix };
    default:
      file.error(
        "detectLocalMode",
        `must be ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix, not ${JSON.stringify(mode)}`,
      );
      return base.localTraffic;
  }
}

function readNodePortAddresses(file: FieldReader): ProxySettings["nodePortAddresses"] | undefined {
  const texts = file.texts("nodePortAddresses");
  return texts?.flatMap((text, index) => {
    const address = parseNodePortAddress(text);
    if (address === undefined) {
      const message = `must be a network, "primary", "localhost" or "all", not ${JSON.stringify(text)}`;
      file.error(`nodePortAddresses[${index}]`, message);
    }
    return address ?? [];
  });
}

/** The settings in the form of the file, as `/configz` shows them. */
export function kubeProxyConfigurationOf(settings: ProxySettings): object {
  const { localTraffic, conntrack, ipvs } = settings;
  const sync = { syncPeriod: goDuration(settings.syncMs), minSyncPeriod: goDuration(settings.minSyncMs) };
  const marks = { masqueradeBit: settings.masqueradeBit, masqueradeAll: settings.masqueradeAll };
  const time = (milliseconds: number | undefined) => goDuration(milliseconds ?? 0);
  return {
    kind: "KubeProxyConfiguration",
    apiVersion: kubeProxyApiVersion,
    mode: settings.mode,
    hostnameOverride: settings.hostnameOverride ?? "",
    clientConnection: { kubeconfig: settings.kubeconfig ?? "" },
    healthzBindAddress: bindAddressText(settings.healthz),
    metricsBindAddress: bindAddressText(settings.metrics),
    bindAddressHardFail: settings.bindAddressHardFail,
    detectLocalMode: {
      "pod-cidrs": "ClusterCIDR",
      unknown: "ClusterCIDR",
      "node-cidr": "NodeCIDR",
      bridge: "BridgeInterface",
      "interface-prefix": "InterfaceNamePrefix",
    }[localTraffic.kind],
    detectLocal: {
      bridgeInterface: localTraffic.kind === "bridge" ? localTraffic.name : "",
      interfaceNamePrefix: localTraffic.kind === "interface-prefix" ? localTraffic.prefix : "",
    },
    clusterCIDR: localTraffic.kind === "pod-cidrs" ? localTraffic.cidrs.join(",") : "",
    nodePortAddresses: settings.nodePortAddresses,
    nftables: { ...marks, ...sync },
    iptables: { ...marks, localhostNodePorts: settings.localhostNodePorts, ...sync },
    ipvs: {
      ...sync,
      scheduler: settings.scheduler ?? "",
      strictARP: true,
      tcpTimeout: time(ipvs.tcpTimeoutMs),
      tcpFinTimeout: time(ipvs.tcpFinTimeoutMs),
      udpTimeout: time(ipvs.udpTimeoutMs),
    },
    conntrack: {
      maxPerCore: conntrack.maxPerCore ?? null,
      min: conntrack.min ?? null,
      tcpEstablishedTimeout: time(conntrack.tcpEstablishedMs),
      tcpCloseWaitTimeout: time(conntrack.tcpCloseWaitMs),
      tcpBeLiberal: conntrack.tcpBeLiberal,
      udpTimeout: time(conntrack.udpMs),
      udpStreamTimeout: time(conntrack.udpStreamMs),
    },
  };
}
