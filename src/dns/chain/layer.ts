import { responseCodes } from "../../codec/index.ts";
import { failure } from "../resolver.ts";
import type { MaybeLater, Reply, Resolve } from "../resolver.ts";

/** Something that stands before others: it changes requests on their way in, replies on their way out, or answers itself. */
export type Layer = (next: Resolve) => Resolve;

/** Applies `change` to a reply, now or when it comes. */
export function whenReplied(reply: MaybeLater<Reply>, change: (reply: Reply) => Reply): MaybeLater<Reply> {
  return reply instanceof Promise ? reply.then(change) : change(reply);
}

/** The reply for names that nobody is for. */
export const refused: Reply = failure(responseCodes.REFUSED);

/** `layers` around `inner`, the first outermost. */
export function layered(layers: readonly Layer[], inner: Resolve): Resolve {
  return layers.reduceRight((next, layer) => layer(next), inner);
}
