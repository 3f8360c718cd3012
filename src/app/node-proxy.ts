import { cidr } from "../core/index.ts";
import type { Clock, Logger } from "../core/index.ts";
import { openConntrack, openNft, writeSysctls } from "../kernel/index.ts";
import { createHealthCheckServer } from "../net/index.ts";
import type { EventRecorder } from "../objects/index.ts";
import { createProxy, nftablesEngine } from "../proxy/index.ts";
import type { Proxy, ProxyCaches } from "../proxy/index.ts";
import type { AgentInput } from "./agent-messages.ts";

/** What a node's proxy needs from its agent. */
export interface NodeProxyOptions {
  readonly input: AgentInput;
  readonly caches: ProxyCaches;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Starts the Service proxy of the network namespace in which this process lives, with the kernel's nftables behind it. */
export function startNodeProxy({ input, caches, recorder, clock, log }: NodeProxyOptions): Proxy {
  // Lets processes of the node reach node ports at 127.0.0.1; the rules keep others from using that way.
  writeSysctls({ "net/ipv4/conf/all/route_localnet": 1 });
  return createProxy({
    nodeName: input.nodeName,
    caches,
    engine: nftablesEngine({ rules: openNft(), log }),
    flows: openConntrack(),
    healthChecks: createHealthCheckServer(),
    recorder,
    clock,
    log,
    network: {
      serviceCidrs: [cidr(input.serviceCidr)],
      localTraffic: { kind: "pod-cidrs", cidrs: [cidr(input.podCidr)] },
      localhostNodePorts: true,
    },
  });
}
