import { responseCodes } from "../../codec/index.ts";
import { cidr, cidrBase, ipFamily, parseIp } from "../../core/index.ts";
import type { Clock, Ip } from "../../core/index.ts";
import type { RateLimitSettings } from "../corefile/configuration.ts";
import { dropped, failure } from "../resolver.ts";
import type { Reply, Request } from "../resolver.ts";
import { contains } from "./access.ts";
import type { Layer } from "./layer.ts";

/** More clients are not remembered: the one that asked the longest time ago is forgotten, and begins anew. */
const mostClients = 16_384;

const refused: Reply = { ...failure(responseCodes.REFUSED), plugin: "ratelimit" };
const truncated: Reply = { ...failure(responseCodes.NOERROR), truncated: true, plugin: "ratelimit" };

/** A client's allowance: `left` queries at the time `at`, in monotonic milliseconds. */
interface Allowance {
  left: number;
  at: number;
}

/** Who may ask how much; in `mostClients` entries at most. */
export class ClientAllowances {
  readonly #settings: Pick<RateLimitSettings, "perSecond" | "burst">;
  /** In the order of their last query. */
  readonly #clients = new Map<string, Allowance>();

  constructor(settings: Pick<RateLimitSettings, "perSecond" | "burst">) {
    this.#settings = settings;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Takes one query off the allowance of `client`; false when nothing was left. */
  take(client: string, now: number): boolean {
    const { perSecond, burst } = this.#settings;
    const known = this.#clients.get(client);
    const left = known === undefined ? burst : Math.min(burst, known.left + ((now - known.at) / 1000) * perSecond);
    const isAllowed = left >= 1;
    if (known !== undefined) this.#clients.delete(client);
    this.#clients.set(client, { left: isAllowed ? left - 1 : left, at: now });
    if (this.#clients.size > mostClients) {
      const oldest = this.#clients.keys().next();
      if (oldest.done !== true) this.#clients.delete(oldest.value);
    }
    return isAllowed;
  }
}

/** Limits how often one client may ask; `exceeded` is called for each query over the limit. */
export function rateLimitLayer(settings: RateLimitSettings, clock: Clock, exceeded: () => void): Layer {
  const allowances = new ClientAllowances(settings);
  const { answer, exempt } = settings;
  return (next) => (request) => {
    const client = clientKey(request, answer);
    if (request.aliases.length > 0 || client === undefined || contains(exempt, client.address)) return next(request);
    if (allowances.take(client.key, clock.monotonic())) return next(request);
    exceeded();
    if (answer === "drop") return dropped;
    return answer === "truncate" && request.transport === "udp" ? truncated : refused;
  };
}

/** One IPv6 client has all addresses of its network. Who comes back over TCP as asked has an allowance of its own. */
function clientKey(
  request: Request,
  answer: RateLimitSettings["answer"],
): { readonly address: Ip; readonly key: string } | undefined {
  const address = parseIp(request.client?.address ?? "");
  if (address === undefined) return undefined;
  const network = ipFamily(address) === "IPv4" ? address : cidrBase(cidr(`${address}/64`));
  return { address, key: answer === "truncate" ? `${request.transport} ${network}` : network };
}
