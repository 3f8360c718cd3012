import { reportedVersion } from "../../core/index.ts";
import { methodNotAllowed, noSuchResource } from "../errors.ts";
import { openApiV2Json, openApiV2Protobuf } from "../openapi/v2.ts";
import { openApiV3Document, openApiV3Index } from "../openapi/v3.ts";
import { aggregated, apiGroup, coreVersions, groupList, resourceList } from "./discovery.ts";
import { sendJson, sendText } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** Paths that anybody may read without a token. */
export function isPublic(path: readonly string[]): boolean {
  const [first = ""] = path;
  return ["healthz", "livez", "readyz", "version"].includes(first);
}

/** Answers what is not about objects: versions, health, discovery, OpenAPI. */
export function serveDocument(path: readonly string[], exchange: Exchange): void {
  if (exchange.method !== "GET" && exchange.method !== "HEAD") throw methodNotAllowed();
  const [first = "", ...rest] = path;
  switch (first) {
    case "":
      return sendJson(exchange, 200, {
        paths: ["/api", "/apis", "/healthz", "/openapi/v2", "/openapi/v3", "/version"],
      });
    case "healthz":
    case "livez":
    case "readyz":
      return sendText(exchange, 200, "ok", "text/plain; charset=utf-8");
    case "version":
      return sendJson(exchange, 200, versionInfo());
    case "api":
      return serveDiscovery(exchange, true, rest);
    case "apis":
      return serveDiscovery(exchange, false, rest);
    case "openapi":
      return serveOpenApi(exchange, rest);
    default:
      throw noSuchResource();
  }
}

function versionInfo(): unknown {
  const [major = "1", minor = "0"] = reportedVersion.slice(1).split(".");
  return {
    major,
    minor,
    gitVersion: reportedVersion,
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: "",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}

function serveDiscovery(exchange: Exchange, core: boolean, rest: readonly string[]): void {
  const [first, second, ...more] = rest;
  if (more.length > 0) throw noSuchResource();
  if (first === undefined) {
    const version = aggregation(exchange);
    if (version === undefined) {
      return sendJson(exchange, 200, core ? coreVersions(exchange.request.headers.host ?? "") : groupList());
    }
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    return sendJson(exchange, 200, aggregated(core, version), contentType);
  }
  const found = core ? (second === undefined ? resourceList("", first) : undefined) : ofGroup(first, second);
  if (found === undefined) throw noSuchResource();
  return sendJson(exchange, 200, found);
}

function ofGroup(group: string, version: string | undefined): unknown {
  return version === undefined ? apiGroup(group) : resourceList(group, version);
}

/** The aggregated form that the client prefers, when it names one before plain JSON. */
function aggregation(exchange: Exchange): "v2" | "v2beta1" | undefined {
  for (const range of (exchange.request.headers.accept ?? "").split(",")) {
    const parts = range.split(";").map((part) => part.trim());
    if (parts[0] !== "application/json") continue;
    if (!parts.includes("as=APIGroupDiscoveryList")) return undefined;
    if (parts.includes("v=v2")) return "v2";
    if (parts.includes("v=v2beta1")) return "v2beta1";
  }
  return undefined;
}

// Clients ask for "...v2@v1.0+protobuf", which Go itself cannot parse as a media type: upstream answers with a dot.
const protobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

function serveOpenApi(exchange: Exchange, rest: readonly string[]): void {
  const [version, ...root] = rest;
  if (version === "v2" && root.length === 0) {
    const accept = exchange.request.headers.accept ?? "";
    if (accept.includes("protobuf")) return sendText(exchange, 200, openApiV2Protobuf(), protobufV2);
    return sendJson(exchange, 200, openApiV2Json());
  }
  if (version !== "v3") throw noSuchResource();
  const document = root.length === 0 ? openApiV3Index() : openApiV3Document(root.join("/"));
  if (document === undefined) throw noSuchResource();
  return sendJson(exchange, 200, document);
}
