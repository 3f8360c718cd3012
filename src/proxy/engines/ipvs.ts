import { silentLogger } from "../../core/index.ts";
import type { Clock, Logger } from "../../core/index.ts";
import { IpvsBook, shortcomings } from "../../rules/ipvs/index.ts";
import type { IpvsScheduler, IpvsScript } from "../../rules/ipvs/index.ts";
import type { EngineStats, ProxyEngine } from "../engine.ts";
import { scriptedEngine } from "../scripted-engine.ts";
import { IpvsApplier } from "./ipvs-applier.ts";
import type { IpvsPort } from "./ipvs-port.ts";

export interface IpvsEngineOptions {
  /** The node's IPVS (`openIpvsRules` in `kernel`). */
  readonly ipvs: IpvsPort;
  readonly clock: Clock;
  /** TCP connections of an endpoint that has gone end with it, instead of keeping it until they end. Default false. */
  readonly resetRemoved?: boolean;
  /** For Services that ask for none; round robin by default. */
  readonly scheduler?: IpvsScheduler;
  readonly log?: Logger;
}

/** The IPVS engine: virtual servers in the kernel, ipset and iptables for what IPVS does not do. */
export function ipvsEngine(options: IpvsEngineOptions): ProxyEngine {
  const { ipvs, clock, resetRemoved = false, scheduler = "rr", log = silentLogger } = options;
  const book = new IpvsBook({ scheduler });
  const applier = new IpvsApplier({ port: ipvs, clock, resetRemoved, log });
  let addresses = ipvs.nodeAddresses();
  book.setNodeAddresses(addresses);
  const engine = scriptedEngine<IpvsScript>({
    mode: "ipvs",
    book,
    port: applier,
    shortcomings: (plan) => shortcomings(plan, scheduler),
    log,
  });
  const haveAddressesChanged = (): boolean => {
    if (!ipvs.nodeAddressesChanged()) return false;
    const now = ipvs.nodeAddresses();
    return now.length !== addresses.length || now.some((address) => !addresses.includes(address));
  };
  return {
    mode: "ipvs",
    retire: () => applier.retire(),
    setNetwork: (network) => engine.setNetwork(network),
    want: (service, plans) => engine.want(service, plans),
    writeChanges: (services, options) => engine.writeChanges(services, options),
    writeAll(services) {
      addresses = ipvs.nodeAddresses();
      book.setNodeAddresses(addresses);
      return engine.writeAll(services);
    },
    noticesOthers() {
      // Both, so that what one of them has noticed is not noticed again after the full write.
      const changed = haveAddressesChanged();
      const notice = engine.noticesOthers();
      return notice === "nothing" && changed ? "changes" : notice;
    },
    shortcomings: (plan) => engine.shortcomings(plan),
    get stats(): EngineStats {
      return engine.stats;
    },
    close: () => engine.close(),
    remove: () => engine.remove(),
  };
}
