import { dnsName, encodeMessage, nameKey, queryMessage, recordTypes } from "../../codec/index.ts";
import type { Cancel, Clock, Logger, Random } from "../../core/index.ts";
import type { Request } from "../resolver.ts";
import { upstreamName } from "../upstream.ts";
import type { Upstream, UpstreamDialer } from "../upstream.ts";
import type { Forwarding } from "./forwarding.ts";

/** Times that an upstream is asked until it says something; it may start later than this server. */
const attempts = 5;
const betweenMs = 2000;

interface Probe {
  readonly forwarding: Forwarding;
  readonly upstream: Upstream;
}

/** What probes need. */
export interface LoopProbeParts {
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** An upstream led back here and is asked no more. */
  readonly found: () => void;
}

/**
 * Finds upstreams that send queries back to this server, as CoreDNS's `loop` does: each is asked once for a random name that
 * nobody else knows (type HINFO). When that question arrives here, the upstream is left out; the server goes on.
 */
export class LoopProbe {
  readonly #parts: LoopProbeParts;
  readonly #probes = new Map<string, Probe>();
  readonly #cancels = new Set<Cancel>();

  constructor(parts: LoopProbeParts) {
    this.#parts = parts;
  }

  /** Asks every upstream of these. */
  start(forwardings: readonly Forwarding[]): void {
    for (const forwarding of forwardings) {
      const [zone = "."] = forwarding.settings.from;
      for (const upstream of forwarding.upstreams) this.#ask({ forwarding, upstream }, zone, attempts);
    }
  }

  /** Whether a request is a probe of this server that came back; then its upstream is refused. */
  sees(request: Request): boolean {
    if (request.type !== recordTypes.HINFO || this.#probes.size === 0) return false;
    const key = nameKey(request.name);
    const probe = this.#probes.get(key);
    if (probe === undefined) return false;
    const { log, found } = this.#parts;
    if (probe.forwarding.upstreams.includes(probe.upstream)) {
      probe.forwarding.refuse(probe.upstream);
      found();
      log.error("loop detected: this server's own question came back; the upstream is asked no more", {
        upstream: upstreamName(probe.upstream),
        at: `${probe.forwarding.settings.file}:${probe.forwarding.settings.line}`,
      });
    }
    return true;
  }

  stop(): void {
    for (const cancel of this.#cancels) cancel();
    this.#probes.clear();
  }

  #ask(probe: Probe, zone: string, left: number): void {
    const { dial, clock, random } = this.#parts;
    const label = () => String(Math.floor(random() * 2 ** 52));
    const name = dnsName(`${label()}.${label()}.${zone === "." ? "" : zone}`);
    this.#probes.set(nameKey(name), probe);
    const id = Math.floor(random() * 0x1_0000);
    const query = encodeMessage(queryMessage(id, { name, type: recordTypes.HINFO, class: 1 })).slice();
    let isOver = false;
    const close = dial.send(probe.upstream, probe.upstream.tls === undefined ? "udp" : "tls", query, {
      message: () => finish(true),
      failed: () => finish(false),
    });
    const finish = (answered: boolean) => {
      if (isOver) return;
      isOver = true;
      close();
      if (answered) this.#end(giveUp);
    };
    const giveUp = clock.schedule(betweenMs, () => {
      this.#end(giveUp);
      const wasAnswered = isOver;
      finish(true);
      // The name stays known: late copies of a question come back, too.
      if (!wasAnswered && left > 1 && probe.forwarding.upstreams.includes(probe.upstream))
        this.#ask(probe, zone, left - 1);
    });
    this.#cancels.add(giveUp);
  }

  #end(cancel: Cancel): void {
    cancel();
    this.#cancels.delete(cancel);
  }
}
