import { cidr } from "../../core/index.ts";
import type { Ip, Port } from "../../core/index.ts";
import type { EmptyVerdict } from "../../model/index.ts";
import { endpointChain, fixedChains, portTitle, ruleProtocol, serviceChains } from "./chain-names.ts";
import type { ServiceChains } from "./chain-names.ts";
import { comment, endpointRules, pickRules } from "./endpoint-rules.ts";
import type { EndpointPlace } from "./endpoint-rules.ts";
import { localDetector } from "./local-traffic.ts";
import { isLoopbackServed, nodePortDestinations } from "./node-ports.ts";
import type { PlannedRule, Reason, RuleEndpoint, RulePlan, RuleSettings } from "./planned-rule.ts";
import type { Match, Table, Target } from "./rule.ts";

/**
 * The rules that carry out one plan: in chains of its own, and in the chains that all Services share. The structure is that
 * of kube-proxy v1.36 (upstream: syncProxyRules in pkg/proxy/iptables).
 */
export function planRules(plan: RulePlan, settings: RuleSettings): readonly PlannedRule[] {
  const writer = new PlanWriter(plan, settings);
  writer.captureClusterIP();
  writer.captureExternal();
  writer.captureNodePort();
  writer.admitHealthChecks();
  writer.internalEntry();
  writer.externalEntry();
  writer.firewall();
  writer.endpoints();
  return writer.rules;
}

const toLoopback: Match = { kind: "destination", network: cidr("127.0.0.0/8") };

class PlanWriter {
  readonly rules: PlannedRule[] = [];
  readonly #plan: RulePlan;
  readonly #settings: RuleSettings;
  readonly #title: string;
  readonly #chains: ServiceChains;
  readonly #internal: readonly RuleEndpoint[];
  readonly #external: readonly RuleEndpoint[];

  constructor(plan: RulePlan, settings: RuleSettings) {
    this.#plan = plan;
    this.#settings = settings;
    this.#title = portTitle(plan);
    this.#chains = serviceChains(plan);
    this.#internal = plan.internalTrafficPolicy === "Local" ? plan.local : plan.cluster;
    this.#external = plan.externalTrafficPolicy === "Local" ? plan.local : plan.cluster;
  }

  captureClusterIP(): void {
    const { clusterIP, port, whenInternalEmpty } = this.#plan;
    if (this.#internal.length > 0) {
      this.#capture(clusterIP, "cluster IP", "cluster-ip", this.#internalChain);
    } else {
      this.#empty(fixedChains.services, whenInternalEmpty, [], clusterIP, port);
    }
  }

  captureExternal(): void {
    const { externalIPs, loadBalancerIPs, port, whenExternalEmpty, sourceRanges } = this.#plan;
    const { external, firewall } = this.#chains;
    for (const address of externalIPs) {
      if (this.#isServed) this.#capture(address, "external IP", "external-ip", external);
      if (this.#external.length === 0) this.#emptyExternal(whenExternalEmpty, address, port);
    }
    for (const address of loadBalancerIPs) {
      if (this.#isServed) {
        const entry = sourceRanges === undefined ? external : firewall;
        this.#capture(address, "loadbalancer IP", "load-balancer-ip", entry);
        if (sourceRanges !== undefined) this.#dropOthers(address, port);
      }
      if (this.#external.length === 0) this.#emptyExternal(whenExternalEmpty, address, port);
    }
  }

  captureNodePort(): void {
    const { nodePort, family, whenExternalEmpty } = this.#plan;
    const { network } = this.#settings;
    if (nodePort === undefined) return;
    if (this.#isServed) {
      const target: Target = { kind: "jump", chain: this.#chains.external };
      // The same as the next rule; its counter tells who still uses node ports on 127.0.0.1 (upstream counts by nfacct).
      if (isLoopbackServed(network, family)) {
        this.#nodePortRule([toLoopback], nodePort, target, "localhost-node-port");
      }
      this.#nodePortRule([], nodePort, target, "node-port");
    }
    if (this.#external.length > 0) return;
    for (const destination of nodePortDestinations(network, family)) {
      this.#empty(fixedChains.externalServices, whenExternalEmpty, destination, undefined, nodePort);
    }
  }

  admitHealthChecks(): void {
    const { healthCheckNodePort } = this.#plan;
    if (healthCheckNodePort === undefined) return;
    const matches: readonly Match[] = [
      comment(`${this.#title} health check node port`),
      { kind: "protocol", protocol: "tcp", destinationPort: healthCheckNodePort },
    ];
    this.#add("filter", fixedChains.nodePorts, matches, { kind: "accept" }, "health-check");
  }

  /** The head of the chain that cluster IPs lead to. */
  internalEntry(): void {
    if (this.#internal.length === 0) return;
    const { network, brief } = this.#settings;
    const { clusterIP, port } = this.#plan;
    const note = brief ? [] : [comment(`${this.#title} cluster IP`)];
    const matches = [...note, ...this.#socket(clusterIP, port)];
    const detector = localDetector(network, this.#plan.family);
    if (network.masqueradeAll) {
      this.#own(this.#internalChain, matches, fixedChains.markMasquerade, "masquerade-all");
    } else if (detector !== undefined) {
      this.#own(this.#internalChain, [...matches, ...detector.outside], detector.markChain, "masquerade-outside");
    }
  }

  /** The chain that everything from outside leads to; also there when only its short circuits find endpoints. */
  externalEntry(): void {
    const { externalTrafficPolicy, family } = this.#plan;
    const { external, cluster, local } = this.#chains;
    if (!this.#isServed || !this.#isExternal) return;
    if (externalTrafficPolicy === "Cluster") {
      const note = comment(`masquerade traffic for ${this.#title} external destinations`);
      this.#own(external, [note], fixedChains.markMasquerade, "masquerade-external");
    } else if (this.#plan.cluster.length > 0) {
      const host: Match = { kind: "local-address", side: "source" };
      for (const pod of localDetector(this.#settings.network, family)?.local ?? []) {
        this.#own(
          external,
          [comment(`pod traffic for ${this.#title} external destinations`), pod],
          cluster,
          "pod-short-circuit",
        );
      }
      const masquerade = comment(`masquerade LOCAL traffic for ${this.#title} external destinations`);
      this.#own(external, [masquerade, host], fixedChains.markMasquerade, "masquerade-host");
      const route = comment(`route LOCAL traffic for ${this.#title} external destinations`);
      this.#own(external, [route, host], cluster, "host-short-circuit");
    }
    if (this.#external.length === 0) return;
    this.#own(external, [], externalTrafficPolicy === "Local" ? local : cluster, "external-policy");
  }

  /** Who comes to the end of this chain is not redirected, and is dropped by `KUBE-PROXY-FIREWALL`. */
  firewall(): void {
    const { sourceRanges, loadBalancerIPs } = this.#plan;
    if (sourceRanges === undefined || loadBalancerIPs.length === 0 || !this.#isServed) return;
    const { external, firewall } = this.#chains;
    const note = comment(`${this.#title} loadbalancer IP`);
    for (const network of sourceRanges) {
      this.#own(firewall, [note, { kind: "source", network }], external, "source-range");
    }
    const rest = comment(`other traffic to ${this.#title} will be dropped by ${fixedChains.proxyFirewall}`);
    this.#add("nat", firewall, [rest], undefined, "no-source-range");
  }

  /** The chains that pick an endpoint, and those of the endpoints. */
  endpoints(): void {
    const { cluster, local } = this.#plan;
    const places = new Map<string, EndpointPlace>();
    const placesOf = (endpoints: readonly RuleEndpoint[]) =>
      endpoints.map((endpoint) => {
        const key = `${endpoint.ip} ${endpoint.port}`;
        const place = places.get(key) ?? { endpoint, chain: endpointChain(this.#plan, endpoint) };
        places.set(key, place);
        return place;
      });
    for (const [chain, endpoints] of [
      [this.#chains.cluster, cluster],
      [this.#chains.local, local],
    ] as const) {
      this.rules.push(...pickRules(this.#plan, chain, placesOf(this.#used(endpoints)), this.#settings));
    }
    for (const place of places.values()) this.rules.push(...endpointRules(this.#plan, place, this.#settings));
  }

  /** All of them, but with `fo` only the one with the highest weight: it gets every connection as long as it is there. */
  #used(endpoints: readonly RuleEndpoint[]): readonly RuleEndpoint[] {
    if (this.#plan.scheduler !== "fo" || endpoints.length === 0) return endpoints;
    return [endpoints.reduce((best, other) => ((other.weight ?? 1) > (best.weight ?? 1) ? other : best))];
  }

  /** Whether any endpoint can be reached from outside, be it by the short circuits only. */
  get #isServed(): boolean {
    return this.#plan.cluster.length > 0 || this.#external.length > 0;
  }

  get #isExternal(): boolean {
    const { nodePort, loadBalancerIPs, externalIPs } = this.#plan;
    return nodePort !== undefined || loadBalancerIPs.length > 0 || externalIPs.length > 0;
  }

  get #internalChain(): string {
    return this.#plan.internalTrafficPolicy === "Local" ? this.#chains.local : this.#chains.cluster;
  }

  #capture(address: Ip, what: string, reason: Reason, chain: string): void {
    const matches = [comment(`${this.#title} ${what}`), ...this.#socket(address, this.#plan.port)];
    this.#add("nat", fixedChains.services, matches, { kind: "jump", chain }, reason);
  }

  #nodePortRule(destination: readonly Match[], port: Port, target: Target, reason: Reason): void {
    const protocol: Match = { kind: "protocol", protocol: ruleProtocol(this.#plan), destinationPort: port };
    this.#add("nat", fixedChains.nodePorts, [comment(this.#title), protocol, ...destination], target, reason);
  }

  #dropOthers(address: Ip, port: Port): void {
    const note = comment(`${this.#title} traffic not accepted by ${this.#chains.firewall}`);
    const matches = [note, ...this.#socket(address, port)];
    this.#add("filter", fixedChains.proxyFirewall, matches, { kind: "drop" }, "outside-source-ranges");
  }

  #emptyExternal(verdict: EmptyVerdict, address: Ip, port: Port): void {
    this.#empty(fixedChains.externalServices, verdict, [], address, port);
  }

  #empty(chain: string, verdict: EmptyVerdict, more: readonly Match[], address: Ip | undefined, port: Port): void {
    const note = comment(`${this.#title} has no ${verdict === "drop" ? "local " : ""}endpoints`);
    const socket = address === undefined ? [this.#protocol(port)] : this.#socket(address, port);
    const refusal: Target = { kind: this.#plan.protocol === "TCP" ? "reset" : "reject" };
    const [target, reason] =
      verdict === "drop" ? ([{ kind: verdict }, "drop"] as const) : ([refusal, "refuse"] as const);
    this.#add("filter", chain, [note, ...more, ...socket], target, reason);
  }

  #socket(address: Ip, port: Port): readonly Match[] {
    return [{ kind: "destination", network: address }, this.#protocol(port)];
  }

  #protocol(destinationPort: Port): Match {
    return { kind: "protocol", protocol: ruleProtocol(this.#plan), destinationPort };
  }

  #own(chain: string, matches: readonly Match[], jump: string, reason: Reason): void {
    this.#add("nat", chain, matches, { kind: "jump", chain: jump }, reason);
  }

  #add(table: Table, chain: string, matches: readonly Match[], target: Target | undefined, reason: Reason): void {
    this.rules.push({ table, chain, rule: target === undefined ? { matches } : { matches, target }, reason });
  }
}
