import { cleanUpProxy, runProxy } from "../../app/index.ts";
import { parseCidr } from "../../core/index.ts";
import { stderrLogger } from "../../net/index.ts";
import { defaultProxySettings, parseBindAddress, parseNodePortAddress } from "../../proxy/index.ts";
import type { BindAddress, ProxySettings } from "../../proxy/index.ts";
import { durationOption, parseOptions, UsageError } from "../command.ts";
import { print } from "../terminal.ts";
import { checkScheduler, modeOption, proxySettings } from "./proxy-flags.ts";

/** `sealane proxy run`: the node proxy of any cluster. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseOptions({
    args: [...args],
    options: {
      kubeconfig: { type: "string" },
      config: { type: "string" },
      "hostname-override": { type: "string" },
      "proxy-mode": { type: "string" },
      "cluster-cidr": { type: "string" },
      "detect-local-mode": { type: "string" },
      "nodeport-addresses": { type: "string" },
      "ipvs-scheduler": { type: "string" },
      "masquerade-all": { type: "boolean" },
      "min-sync-period": { type: "string" },
      "healthz-bind-address": { type: "string" },
      "metrics-bind-address": { type: "string" },
      "reset-removed": { type: "boolean" },
      cleanup: { type: "boolean", default: false },
    },
  });
  const log = stderrLogger({ level: "info" });
  const file = proxySettings({ ...values, "proxy-config": values.config }, defaultProxySettings);
  const settings: ProxySettings = {
    ...file,
    ...(values["proxy-mode"] === undefined ? {} : { mode: modeOption(values["proxy-mode"]) }),
    ...localTrafficFlags(values["detect-local-mode"], values["cluster-cidr"]),
    ...(values["nodeport-addresses"] === undefined
      ? {}
      : { nodePortAddresses: networks(values["nodeport-addresses"]) }),
    ...(values["masquerade-all"] === true ? { masqueradeAll: true } : {}),
    ...(values["min-sync-period"] === undefined
      ? {}
      : { minSyncMs: durationOption("min-sync-period", values["min-sync-period"]) }),
    ...bind("healthz", values["healthz-bind-address"], 10256),
    ...bind("metrics", values["metrics-bind-address"], 10249),
    ...(values["hostname-override"] === undefined ? {} : { hostnameOverride: values["hostname-override"] }),
  };
  if (values.cleanup) {
    await cleanUpProxy(settings, log);
    print("The rules of all proxy modes are removed.");
    return 0;
  }
  checkScheduler(settings, [settings.mode]);
  const kubeconfig = values.kubeconfig ?? settings.kubeconfig ?? process.env["KUBECONFIG"];
  if (kubeconfig === undefined || kubeconfig === "") {
    throw new UsageError(
      "Say which cluster: --kubeconfig FILE, or clientConnection.kubeconfig in the file of --config",
    );
  }
  const proxy = await runProxy({ settings, kubeconfig, log });
  const ended = new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
  log.info("the proxy starts", { node: proxy.nodeName, mode: settings.mode });
  void proxy.whenSynced().then(() => {
    const { services, installed, lastFullSyncMs } = proxy.status();
    log.info("all rules are in the kernel", { services, installed, milliseconds: Math.round(lastFullSyncMs) });
  });
  await ended;
  await proxy.stop();
  log.info("the proxy has ended; its rules stay until `sealane proxy run --cleanup`");
  // Caches keep connections that nobody waits for any more.
  process.exit(0);
}

function localTrafficFlags(mode: string | undefined, cidrs: string | undefined): Partial<ProxySettings> {
  if (mode !== undefined && mode !== "ClusterCIDR" && mode !== "NodeCIDR") {
    throw new UsageError(
      `--detect-local-mode must be ClusterCIDR or NodeCIDR, not ${JSON.stringify(mode)}; the other modes of kube-proxy go into the file of --config`,
    );
  }
  if (mode === "NodeCIDR") return { localTraffic: { kind: "node-cidr" } };
  if (cidrs === undefined) return {};
  const parsed = cidrs.split(",").map((text) => {
    const network = parseCidr(text.trim());
    if (network === undefined) throw new UsageError(`--cluster-cidr must be networks, not ${JSON.stringify(cidrs)}`);
    return network;
  });
  return { localTraffic: { kind: "pod-cidrs", cidrs: parsed } };
}

function networks(text: string): ProxySettings["nodePortAddresses"] {
  return text.split(",").map((one) => {
    const address = parseNodePortAddress(one.trim());
    if (address !== undefined) return address;
    throw new UsageError(
      `--nodeport-addresses must be networks, primary, localhost or all, not ${JSON.stringify(one)}`,
    );
  });
}

/** An empty text turns the server off. */
function bind(name: "healthz" | "metrics", text: string | undefined, port: number): { [name]?: BindAddress } {
  if (text === undefined) return {};
  if (text === "") return { [name]: undefined };
  const address = parseBindAddress(text, port);
  if (address === undefined) {
    throw new UsageError(`--${name}-bind-address must be IP:PORT, or empty for no server, not ${JSON.stringify(text)}`);
  }
  return { [name]: address };
}
