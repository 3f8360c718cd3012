import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { messageOf } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { findKind } from "../../kinds/index.ts";
import { ApiError } from "../../objects/index.ts";
import { noSuchResource, unauthorized } from "../errors.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { isPublic, serveDocument } from "./documents.ts";
import { exchangeOf, sendError } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";
import { serveObjects } from "./object-requests.ts";
import { servePodRequest } from "./pod-requests.ts";
import { findReview, serveReview } from "./reviews.ts";
import { parseRoute } from "./route.ts";
import type { ObjectTarget } from "./route.ts";
import { EventLines } from "./watch-stream.ts";
import type { WatchServices } from "./watch-stream.ts";

/** Answers HTTP requests from the pipeline. With a token, requests must carry it. Never throws. */
export function requestHandler(pipeline: Pipeline, logger: Logger, token: string | undefined): RequestListener {
  const services: WatchServices = { pipeline, lines: new EventLines() };
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`);
  return (request: IncomingMessage, response: ServerResponse) => {
    const exchange = exchangeOf(request, response);
    response.on("error", () => undefined);
    serve(services, expected, exchange).catch((error: unknown) => {
      if (!(error instanceof ApiError) && !response.destroyed) {
        logger.error("request failed", { method: exchange.method, path: exchange.path, error: messageOf(error) });
      }
      sendError(exchange, error);
      // A body that was not read to its end would be taken for the next request.
      if (!request.complete) request.resume();
    });
  };
}

async function serve(services: WatchServices, expected: Buffer | undefined, exchange: Exchange): Promise<void> {
  const route = parseRoute(exchange.path);
  const open = route.kind === "document" && isPublic(route.path);
  if (!open && expected !== undefined && !isAuthorized(exchange, expected)) throw unauthorized();
  switch (route.kind) {
    case "none":
      throw noSuchResource();
    case "document":
      return serveDocument(route.path, exchange);
    case "objects":
      return serveTarget(services, route.target, exchange);
  }
}

async function serveTarget(services: WatchServices, target: ObjectTarget, exchange: Exchange): Promise<void> {
  const { group, version, plural } = target;
  const review = findReview(group, version, plural);
  if (review !== undefined && target.name === undefined) return serveReview(review, exchange);
  if (await servePodRequest(services.pipeline, target, exchange)) return undefined;
  const kind = findKind(group, version, plural);
  if (kind === undefined) throw noSuchResource();
  return serveObjects(services, kind, target, exchange);
}

function isAuthorized(exchange: Exchange, expected: Buffer): boolean {
  return timingSafeEqual(digest(exchange.request.headers.authorization ?? ""), expected);
}

/** Equal lengths for the comparison that takes equal time. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
