import { formatName, recordTypeName, responseCodeName, sameName } from "../../codec/index.ts";
import type { ForwardCache } from "../forward-cache.ts";
import type { Reply, Request, Resolve, Resolver } from "../resolver.ts";
import { layered, whenReplied } from "./layer.ts";
import type { Layer } from "./layer.ts";

/** A plugin that may know the answer. */
export interface NamedResolver {
  /** As a Corefile calls it. */
  readonly plugin: string;
  readonly resolver: Resolver;
  /** The same resolver, when it remembers what others said. */
  readonly cache?: ForwardCache | undefined;
}

/** A plugin that stands before others. */
export interface NamedLayer {
  readonly plugin: string;
  readonly layer: Layer;
}

/**
 * Answers as the same plugins do without it, and tells the request's `note` what happens on the way. It is a way of its own, so
 * that questions which nobody wants to understand pay nothing for it.
 */
export function explaining(layers: readonly NamedLayer[], resolvers: readonly NamedResolver[], last: Resolve): Resolve {
  const inner: Resolve = (request) => {
    for (const { plugin, resolver, cache } of resolvers) {
      const remembered = cache?.peek(request);
      const reply = resolver.resolve(request);
      if (reply === undefined) continue;
      if (remembered !== undefined) request.note?.({ kind: "remembered", ...remembered });
      return whenReplied(reply, (known) => answered(request, plugin, known));
    }
    return whenReplied(last(request), (reply) => answered(request, "none", reply));
  };
  return layered(layers.map(noted), inner);
}

function noted({ plugin, layer }: NamedLayer): Layer {
  return (next) => (request) => {
    let isPassedOn = false;
    const through: Resolve = (asked) => {
      isPassedOn = true;
      if (asked.type !== request.type || !sameName(asked.name, request.name)) {
        request.note?.({
          kind: "looks-up",
          plugin,
          name: formatName(asked.name),
          type: recordTypeName(asked.type),
        });
      }
      return next(asked);
    };
    return whenReplied(layer(through)(request), (reply) => (isPassedOn ? reply : answered(request, plugin, reply)));
  };
}

function answered(request: Request, plugin: string, reply: Reply): Reply {
  request.note?.({
    kind: "answered",
    plugin,
    name: formatName(request.name),
    type: recordTypeName(request.type),
    rcode: responseCodeName(reply.rcode),
  });
  return reply;
}
