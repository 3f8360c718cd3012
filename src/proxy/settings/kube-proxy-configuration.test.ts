import { describe, expect, it } from "vitest";
import { kubeProxyConfigurationOf, readKubeProxyConfiguration } from "./kube-proxy-configuration.ts";
import { defaultProxySettings } from "./proxy-settings.ts";

const head = { apiVersion: "kubeproxy.config.k8s.io/v1alpha1", kind: "KubeProxyConfiguration" };
const read = (fields: object) => readKubeProxyConfiguration({ ...head, ...fields });

describe("readKubeProxyConfiguration()", () => {
  it("takes what kubeadm writes, with a word about logging alone", () => {
    const { settings, warnings } = read({
      bindAddress: "",
      bindAddressHardFail: false,
      clientConnection: {
        acceptContentTypes: "",
        burst: 0,
        contentType: "",
        kubeconfig: "/var/lib/kube-proxy/kubeconfig.conf",
        qps: 0,
      },
      clusterCIDR: "10.244.0.0/16",
      configSyncPeriod: "0s",
      conntrack: {
        maxPerCore: null,
        min: null,
        tcpBeLiberal: false,
        tcpCloseWaitTimeout: null,
        tcpEstablishedTimeout: null,
        udpStreamTimeout: "0s",
        udpTimeout: "0s",
      },
      detectLocal: { bridgeInterface: "", interfaceNamePrefix: "" },
      detectLocalMode: "",
      enableProfiling: false,
      healthzBindAddress: "",
      hostnameOverride: "",
      iptables: {
        localhostNodePorts: null,
        masqueradeAll: false,
        masqueradeBit: null,
        minSyncPeriod: "0s",
        syncPeriod: "0s",
      },
      ipvs: {
        excludeCIDRs: null,
        minSyncPeriod: "0s",
        scheduler: "",
        strictARP: false,
        syncPeriod: "0s",
        tcpFinTimeout: "0s",
        tcpTimeout: "0s",
        udpTimeout: "0s",
      },
      logging: { flushFrequency: 0, options: { json: { infoBufferSize: "0" } }, verbosity: 0 },
      metricsBindAddress: "",
      mode: "",
      nftables: { masqueradeAll: false, masqueradeBit: null, minSyncPeriod: "0s", syncPeriod: "0s" },
      nodePortAddresses: null,
      oomScoreAdj: null,
      portRange: "",
      showHiddenMetricsForVersion: "",
      winkernel: {
        enableDSR: false,
        forwardHealthCheckVip: false,
        networkName: "",
        rootHnsEndpointName: "",
        sourceVip: "",
      },
    });
    expect(warnings).toEqual(["logging is not acted on: messages go to standard error"]);
    expect(settings).toEqual({
      ...defaultProxySettings,
      localTraffic: { kind: "pod-cidrs", cidrs: ["10.244.0.0/16"] },
      kubeconfig: "/var/lib/kube-proxy/kubeconfig.conf",
    });
  });

  it("acts on what it supports", () => {
    const { settings, warnings } = read({
      mode: "ipvs",
      hostnameOverride: "node-7",
      detectLocalMode: "InterfaceNamePrefix",
      detectLocal: { interfaceNamePrefix: "cali" },
      nodePortAddresses: ["primary", "10.0.0.0/8"],
      healthzBindAddress: "[::]:20256",
      metricsBindAddress: "0.0.0.0",
      iptables: { masqueradeAll: true, masqueradeBit: 5, localhostNodePorts: false },
      ipvs: { scheduler: "lc", strictARP: true, tcpTimeout: "15m0s", syncPeriod: "10s", minSyncPeriod: "2s" },
      conntrack: { maxPerCore: 0, tcpEstablishedTimeout: "24h0m0s", tcpBeLiberal: true },
    });
    expect(warnings).toEqual([]);
    expect(settings).toEqual({
      ...defaultProxySettings,
      mode: "ipvs",
      hostnameOverride: "node-7",
      localTraffic: { kind: "interface-prefix", prefix: "cali" },
      nodePortAddresses: ["primary", "10.0.0.0/8"],
      healthz: { host: "::", port: 20256 },
      metrics: { host: "0.0.0.0", port: 10249 },
      masqueradeAll: true,
      masqueradeBit: 5,
      localhostNodePorts: false,
      scheduler: "lc",
      ipvs: { tcpTimeoutMs: 900_000, tcpFinTimeoutMs: 0, udpTimeoutMs: 0 },
      syncMs: 10_000,
      minSyncMs: 2000,
      conntrack: { maxPerCore: 0, tcpEstablishedMs: 86_400_000, tcpBeLiberal: true },
    });
  });

  it("names what it does not act on, and what there is not", () => {
    const { warnings } = read({
      featureGates: { KubeProxyNFAcct: true },
      oomScoreAdj: -999,
      nftables: { syncPerod: "1s" },
      ipvs: { excludeCIDRs: ["10.0.0.0/8"] },
      surprise: 1,
    });
    expect(warnings).toEqual([
      "nftables.syncPerod: there is no such field",
      "ipvs.excludeCIDRs is not acted on: virtual servers of others are never touched",
      "featureGates is not acted on: there are none here",
      "oomScoreAdj is not acted on: set it where the process is started",
      "surprise: there is no such field",
    ]);
  });

  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ kind: "Pod" }, /kind must be "KubeProxyConfiguration", not "Pod"/],
    [{ apiVersion: "v1" }, /apiVersion must be "kubeproxy\.config\.k8s\.io\/v1alpha1"/],
    [{ mode: "fast" }, /mode must be one of nftables, iptables, ipvs, userspace, ebpf, not "fast"/],
    [{ iptables: { masqueradeBit: 32 } }, /iptables\.masqueradeBit must be a whole number from 0 to 31, not 32/],
    [{ nftables: { syncPeriod: "soon" } }, /nftables\.syncPeriod must be a duration such as 30s or 1m, not "soon"/],
    [{ nftables: [] }, /nftables must be an object, not \[\]/],
    [{ ipvs: { scheduler: "best" } }, /ipvs\.scheduler must be one of random, rr, .* not "best"/],
    [{ clusterCIDR: "10.244.0.0/16,x" }, /clusterCIDR must be one network or two/],
    [{ detectLocalMode: "Guess" }, /detectLocalMode must be ClusterCIDR, NodeCIDR/],
    [{ detectLocalMode: "BridgeInterface" }, /detectLocal\.bridgeInterface must name a bridge/],
    [{ nodePortAddresses: ["everything"] }, /nodePortAddresses\[0\] must be a network, "primary"/],
    [{ healthzBindAddress: "localhost:80" }, /healthzBindAddress must be IP:PORT, not "localhost:80"/],
    [{ mode: "x", bindAddressHardFail: 1 }, /mode must be .*; bindAddressHardFail must be true or false, not 1/],
  ];
  it.each(wrong)("refuses %j", (fields, message) => {
    expect(() => read(fields)).toThrow(message);
  });

  it("refuses what is no object", () => {
    expect(() => readKubeProxyConfiguration("mode: x")).toThrow(/must be an object/);
  });

  it.each(["nftables", "iptables", "ipvs", "userspace"])("keeps IPVS's scheduler in mode %s, and shows it", (mode) => {
    const { settings, warnings } = read({ mode, ipvs: { scheduler: "mh" } });
    expect(warnings).toEqual([]);
    expect(settings.scheduler).toBe("mh");
    expect(kubeProxyConfigurationOf(settings)).toMatchObject({ mode, ipvs: { scheduler: "mh" } });
  });

  it.each([true, false])("shows strict ARP, which is always on, when the file says %j", (strictARP) => {
    const { settings, warnings } = read({ mode: "ipvs", ipvs: { strictARP } });
    expect(warnings).toEqual([]);
    expect(kubeProxyConfigurationOf(settings)).toMatchObject({ ipvs: { strictARP: true } });
  });

  it("reads what it shows", () => {
    const { settings } = read({ mode: "iptables", clusterCIDR: "10.244.0.0/16", iptables: { minSyncPeriod: "1s" } });
    expect(readKubeProxyConfiguration(kubeProxyConfigurationOf(settings))).toEqual({ settings, warnings: [] });
  });
});
