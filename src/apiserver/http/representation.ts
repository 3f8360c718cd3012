import { apiVersionOf } from "../../objects/index.ts";
import type { KubeObject, WatchEvent } from "../../objects/index.ts";
import type { Kind } from "../../kinds/index.ts";
import { badRequest, notAcceptable } from "../errors.ts";
import type { ListPage } from "../pipeline/pipeline.ts";
import { parameter } from "./exchange.ts";
import type { Exchange } from "./exchange.ts";

/** How a client wants to see objects. */
export type Representation =
  | { readonly kind: "object" }
  | { readonly kind: "metadata"; readonly apiVersion: string }
  | { readonly kind: "table"; readonly apiVersion: string; readonly include: "None" | "Metadata" | "Object" };

/** Reads `Accept`: the first form that this server has. Replies are always JSON. Throws `ApiError` 406. */
export function representationFor(exchange: Exchange): Representation {
  const accept = exchange.request.headers.accept ?? "";
  if (accept.trim() === "") return { kind: "object" };
  for (const range of accept.split(",")) {
    const found = representationOf(range, exchange);
    if (found !== undefined) return found;
  }
  throw notAcceptable(
    "only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  );
}

function representationOf(range: string, exchange: Exchange): Representation | undefined {
  const [type = "", ...parameters] = range.split(";").map((part) => part.trim());
  if (!["application/json", "application/*", "*/*"].includes(type.toLowerCase())) return undefined;
  const given = new Map(parameters.map((text): [string, string] => splitParameter(text)));
  const as = given.get("as");
  const version = given.get("v") ?? "v1";
  const apiVersion = `meta.k8s.io/${version}`;
  if (as === undefined) return { kind: "object" };
  if (given.get("g") !== "meta.k8s.io" || (version !== "v1" && version !== "v1beta1")) return undefined;
  if (as === "Table") return { kind: "table", apiVersion, include: included(exchange) };
  if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return { kind: "metadata", apiVersion };
  return undefined;
}

function splitParameter(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

function included(exchange: Exchange): "None" | "Metadata" | "Object" {
  const include = parameter(exchange, "includeObject") ?? "Metadata";
  if (include === "" || include === "Metadata") return "Metadata";
  if (include === "None" || include === "Object") return include;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`);
}

/** One object in the form asked for. */
export function represent(kind: Kind, object: KubeObject, form: Representation, nowMs: number): unknown {
  switch (form.kind) {
    case "object":
      return object;
    case "metadata":
      return partial(object, form.apiVersion);
    case "table":
      return table(kind, [object], { resourceVersion: object.metadata.resourceVersion ?? "" }, form, nowMs, true);
  }
}

/** A page of a list in the form asked for. */
export function representList(kind: Kind, page: ListPage, form: Representation, nowMs: number): unknown {
  const metadata = {
    resourceVersion: String(page.version),
    ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
  };
  switch (form.kind) {
    case "object": {
      const { resource } = kind;
      return { kind: `${resource.kind}List`, apiVersion: apiVersionOf(resource), metadata, items: page.items };
    }
    case "metadata": {
      const items = page.items.map((object) => partial(object, form.apiVersion));
      return { kind: "PartialObjectMetadataList", apiVersion: form.apiVersion, metadata, items };
    }
    case "table":
      return table(kind, page.items, metadata, form, nowMs, true);
  }
}

/** A watch event in the form asked for. Tables after the first one leave out the columns. */
export function representEvent(
  kind: Kind,
  event: WatchEvent<KubeObject>,
  form: Representation,
  nowMs: number,
  first: boolean,
): unknown {
  if (form.kind !== "table") {
    return { type: event.type, object: represent(kind, event.object, form, nowMs) };
  }
  const metadata = { resourceVersion: event.object.metadata.resourceVersion ?? "" };
  return { type: event.type, object: table(kind, [event.object], metadata, form, nowMs, first) };
}

function partial(object: KubeObject, apiVersion: string): unknown {
  return { kind: "PartialObjectMetadata", apiVersion, metadata: object.metadata };
}

function table(
  kind: Kind,
  objects: readonly KubeObject[],
  metadata: Readonly<Record<string, string>>,
  form: Extract<Representation, { kind: "table" }>,
  nowMs: number,
  withColumns: boolean,
): unknown {
  const columns = kind.columns.map(({ name, type, format = "", description, priority }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
  const shown = (object: KubeObject) => {
    if (form.include === "None") return null;
    return form.include === "Object" ? object : partial(object, form.apiVersion);
  };
  const rows = objects.map((object) => ({ cells: kind.row(object, nowMs), object: shown(object) }));
  return {
    kind: "Table",
    apiVersion: form.apiVersion,
    metadata,
    columnDefinitions: withColumns ? columns : null,
    rows,
  };
}
