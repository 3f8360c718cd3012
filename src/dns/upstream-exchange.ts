import { MessageWriter, decodeMessage, encodeMessage, responseCodes } from "../codec/index.ts";
import type { Message } from "../codec/index.ts";
import type { Cancel, Clock, Random } from "../core/index.ts";
import type { Request } from "./resolver.ts";
import { isAnswerTo, queryFor } from "./upstream-query.ts";
import type { Upstream, UpstreamDialer, UpstreamTransport } from "./upstream.ts";

/** What asking needs. */
export interface ExchangeParts {
  readonly dial: UpstreamDialer;
  readonly clock: Clock;
  readonly random: Random;
}

/** What came of asking one server. */
export type ExchangeResult =
  | { readonly kind: "reply"; readonly message: Message }
  | { readonly kind: "failed"; readonly reason: "timeout" | "error" };

/** Longer than any query can be. */
const queryBytes = 512;
/** So many datagrams that answer nothing look like somebody guessing: TCP cannot be guessed into (RFC 5452). */
const tolerableForgeries = 10;

const writer = new MessageWriter();

/**
 * Asks one server: again over TCP when the answer was cut, without EDNS when that is not understood. `done` is called
 * once, perhaps before this returns, and never after the returned function was called. `timeoutMs` is for all of it.
 */
export function exchange(
  request: Request,
  upstream: Upstream,
  transport: UpstreamTransport,
  timeoutMs: number,
  parts: ExchangeParts,
  done: (result: ExchangeResult) => void,
): Cancel {
  let isOver = false;
  let cut: Message | undefined;
  let closeAttempt: Cancel = () => undefined;

  const finish = (result: ExchangeResult) => {
    if (isOver) return;
    cancel();
    done(result);
  };
  const fail = (reason: "timeout" | "error") => {
    // A cut answer is worth more than none: the client may ask again over TCP itself.
    finish(cut === undefined ? { kind: "failed", reason } : { kind: "reply", message: cut });
  };
  const cancelTimer = parts.clock.schedule(timeoutMs, () => fail("timeout"));
  const cancel = () => {
    isOver = true;
    cancelTimer();
    closeAttempt();
  };
  const attempt = (transport: UpstreamTransport, edns: boolean) => {
    closeAttempt();
    const started = sendOnce(request, upstream, transport, edns, parts, (outcome) => {
      if (isOver || outcome.kind === "failed") return fail("error");
      if (outcome.kind === "suspicious") return attempt("tcp", edns);
      const { message } = outcome;
      const complains = message.rcode === responseCodes.FORMERR && message.edns === undefined;
      if (edns && complains) return attempt(transport, false);
      if (!message.truncated || transport !== "udp") return finish({ kind: "reply", message });
      cut = message;
      attempt("tcp", edns);
    });
    // The outcome may have come already, and another attempt may be on its way.
    if (started.isOver()) return;
    closeAttempt = started.close;
  };
  attempt(transport, true);
  return cancel;
}

type Outcome =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "suspicious" }
  | { readonly kind: "failed" };

function sendOnce(
  request: Request,
  upstream: Upstream,
  transport: UpstreamTransport,
  edns: boolean,
  { dial, random }: ExchangeParts,
  done: (outcome: Outcome) => void,
): { readonly close: Cancel; readonly isOver: () => boolean } {
  const isGuessable = transport === "udp";
  const query = queryFor(request, edns, random);
  let isOver = false;
  let forgeries = 0;
  let close: Cancel = () => undefined;
  const finish = (outcome: Outcome) => {
    if (isOver) return;
    isOver = true;
    close();
    done(outcome);
  };
  close = dial.send(upstream, transport, encodeMessage(query, queryBytes, writer).slice(), {
    message: (bytes) => {
      if (isOver) return;
      const message = decodeMessage(bytes);
      if (message.kind === "message" && isAnswerTo(query, message)) return finish({ kind: "message", message });
      if (isGuessable && ++forgeries > tolerableForgeries) finish({ kind: "suspicious" });
    },
    failed: () => finish({ kind: "failed" }),
  });
  if (isOver) close();
  return {
    close: () => {
      isOver = true;
      close();
    },
    isOver: () => isOver,
  };
}
