import type { KubeObject, Patch } from "../../objects/index.ts";
import { applyPatch, decodeObject, scaleOf, strictProblems, withReplicas } from "../../kinds/index.ts";
import type { Kind, Scale, Subresource } from "../../kinds/index.ts";
import type { Listing, StoreWatch, WatchReceiver } from "../../store/index.ts";
import { ApiError } from "../../objects/index.ts";
import { asApiError, badRequest, expired, invalid, notFound, unprocessable } from "../errors.ts";
import { invalid as invalidField } from "../../kinds/index.ts";
import type { PipelineContext, WriteOptions } from "./context.ts";
import { createObject } from "./create.ts";
import { deleteObject } from "./delete.ts";
import type { Deletion, DeleteRequest } from "./delete.ts";
import { decodeContinuation, encodeContinuation, parseResourceVersion } from "./paging.ts";
import { selector } from "./selection.ts";
import type { Selection } from "./selection.ts";
import { storageOf } from "./storage.ts";
import { updateObject } from "./update.ts";
import type { UpdateTarget } from "./update.ts";

/** Which objects to list, and how many at a time. */
export interface ListRequest extends Selection {
  readonly namespace?: string | undefined;
  readonly resourceVersion?: string | undefined;
  readonly resourceVersionMatch?: string | undefined;
  readonly limit?: number | undefined;
  readonly continueToken?: string | undefined;
}

/** A page of a list. */
export interface ListPage extends Pick<Listing, "version" | "items"> {
  /** Given when there is more. */
  readonly continueToken?: string;
}

/** What a write gave, and what to warn the client of. */
export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
  readonly warnings: readonly string[];
}

/** How a patch's result is decoded: what to do about unknown fields. Throws `ApiError` to refuse. */
export type OnProblems = (problems: readonly string[]) => void;

/** What a watch shows and where it starts. */
export interface WatchRequest extends Selection {
  readonly namespace?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/**
 * Every request for objects, from whichever client: decoded objects in, stored objects out. All methods are
 * synchronous, so that nothing comes between a check and its write; `durable` is awaited before answering.
 */
export class Pipeline {
  readonly context: PipelineContext;

  constructor(context: PipelineContext) {
    this.context = context;
  }

  /** Resolves when everything written so far survives a crash. */
  durable(): Promise<void> {
    return this.context.store.durable();
  }

  get(kind: Kind, namespace: string | undefined, name: string): KubeObject {
    const found = this.find(kind, namespace, name);
    if (found === undefined) throw notFound(kind.resource, name);
    return found;
  }

  find(kind: Kind, namespace: string | undefined, name: string): KubeObject | undefined {
    const found = this.#stored(kind, namespace, name);
    return found === undefined ? undefined : storageOf(kind).fromStored(found);
  }

  getScale(kind: Kind, namespace: string | undefined, name: string): Scale {
    return scaleOf(this.get(kind, namespace, name));
  }

  list(kind: Kind, request: ListRequest): ListPage {
    const { namespace, limit = 0 } = request;
    const matches = selector(kind, request);
    const from =
      request.continueToken === undefined || request.continueToken === ""
        ? undefined
        : decodeContinuation(request.continueToken);
    const version = parseResourceVersion(request.resourceVersion);
    if (from !== undefined && version !== undefined && version !== 0) {
      throw badRequest("specifying resource version is not allowed when using continue");
    }
    const exact = request.resourceVersionMatch === "Exact" ? version : undefined;
    const listing = this.#listed(kind, {
      namespace: kind.resource.namespaced ? namespace : undefined,
      at: from?.version ?? exact ?? newerThanNow(version, this.context.store.version),
      after: from?.after,
      limit,
      matches,
    });
    const { version: present, more } = listing;
    const page = { version: present, items: listing.items.map(storageOf(kind).fromStored) };
    const last = listing.items.at(-1);
    if (!more || last === undefined) return page;
    const after = { namespace: last.metadata.namespace ?? "", name: last.metadata.name };
    return { ...page, continueToken: encodeContinuation({ version: present, after }) };
  }

  watch(kind: Kind, request: WatchRequest, receiver: WatchReceiver): StoreWatch {
    const { namespace } = request;
    const version = parseResourceVersion(request.resourceVersion);
    const query = {
      namespace: kind.resource.namespaced ? namespace : undefined,
      matches: selector(kind, request),
      // 0 means any state that the server happens to have: the present one.
      since: version === 0 ? undefined : version,
    };
    try {
      return this.context.store.watch(storageOf(kind).table, query, served(kind, receiver));
    } catch (error) {
      throw asApiError(error);
    }
  }

  create(kind: Kind, namespace: string | undefined, object: KubeObject, options: WriteOptions = {}): Written {
    const created = storageOf(kind).fromStored(createObject(this.context, kind, namespace, object, options));
    return { object: created, created: true, warnings: kind.warnings(created, undefined) };
  }

  /** Replaces an object; creates it when it is absent and the kind allows that. */
  update(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    object: KubeObject,
    target: UpdateTarget,
    options: WriteOptions = {},
  ): Written {
    if (object.metadata.name !== name && object.metadata.name !== "") {
      throw badRequest(`the name of the object (${object.metadata.name}) does not match the name on the URL (${name})`);
    }
    const space = object.metadata.namespace ?? "";
    if (namespace !== undefined && space !== "" && space !== namespace) {
      throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
    }
    const old = this.#stored(kind, namespace, name);
    if (old === undefined) {
      const { resourceVersion = "", uid = "" } = object.metadata;
      const creates = target === undefined && kind.createOnUpdate && resourceVersion === "" && uid === "";
      if (!creates) throw notFound(kind.resource, name);
      return this.create(kind, namespace, { ...object, metadata: { ...object.metadata, name } }, options);
    }
    const { fromStored } = storageOf(kind);
    const updated = fromStored(updateObject(this.context, kind, old, object, target, options));
    return { object: updated, created: false, warnings: kind.warnings(updated, fromStored(old)) };
  }

  patch(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    patch: Patch,
    subresource: Subresource | undefined,
    onProblems: OnProblems,
    options: WriteOptions = {},
  ): Written {
    const old = this.get(kind, namespace, name);
    if (subresource === "scale") {
      const patched = patchedValue({ schemaType: "Scale" }, scaleOf(old), patch);
      return this.updateScale(kind, namespace, name, patched, options);
    }
    const decoded = decodeObject(kind, patchedValue(kind, old, patch));
    if (decoded.kind === "failed") throw badRequest(decoded.message);
    onProblems(strictProblems([], decoded.unknownFields));
    const { metadata } = decoded.object;
    const same = metadata.name === name && (metadata.namespace ?? "") === (old.metadata.namespace ?? "");
    if (!same) throw badRequest("the name or namespace of an object cannot be changed by a patch");
    return this.update(kind, namespace, name, decoded.object, subresource, options);
  }

  /** Writes the replicas of a Scale into its object; the result is the Scale. */
  updateScale(
    kind: Kind,
    namespace: string | undefined,
    name: string,
    scale: unknown,
    options: WriteOptions = {},
  ): Written {
    const old = this.get(kind, namespace, name);
    const { replicas, resourceVersion } = readScale(scale);
    const scaled = scaledObject(kind, old, replicas);
    const metadata = { ...scaled.metadata, resourceVersion: resourceVersion ?? "" };
    const { object } = this.update(kind, namespace, name, { ...scaled, metadata }, undefined, options);
    return { object: scaleOf(object), created: false, warnings: [] };
  }

  delete(kind: Kind, namespace: string | undefined, name: string, request: DeleteRequest): Deletion {
    const old = this.#stored(kind, namespace, name);
    if (old === undefined) throw notFound(kind.resource, name);
    const { object, removed } = deleteObject(this.context, kind, old, request);
    return { object: storageOf(kind).fromStored(object), removed };
  }

  /** Deletes what a list selects; the result is that list. */
  deleteCollection(kind: Kind, list: ListRequest, request: DeleteRequest): ListPage {
    const page = this.list(kind, list);
    for (const { metadata } of page.items) {
      // A page of an old version may hold objects that are gone.
      const old = this.#stored(kind, metadata.namespace, metadata.name);
      if (old !== undefined) deleteObject(this.context, kind, old, request);
    }
    return page;
  }

  #stored(kind: Kind, namespace: string | undefined, name: string): KubeObject | undefined {
    return this.context.store.get(storageOf(kind).table, kind.resource.namespaced ? namespace : undefined, name);
  }

  #listed(kind: Kind, query: Parameters<PipelineContext["store"]["list"]>[1]): Listing {
    try {
      return this.context.store.list(storageOf(kind).table, query);
    } catch (error) {
      const refusal = asApiError(error);
      if (query?.after === undefined || refusal.status.code !== 410) throw refusal;
      throw expired(
        "The provided continue parameter is too old to display a consistent list result. Please list again.",
      );
    }
  }
}

/** Passes on the events of stored objects as clients of this kind see them. */
function served(kind: Kind, receiver: WatchReceiver): WatchReceiver {
  const storage = storageOf(kind);
  if (storage.kind === kind) return receiver;
  return {
    event: ({ type, object }) => receiver.event({ type, object: storage.fromStored(object) }),
    closed: (error) => receiver.closed(error),
  };
}

/** A version that the store has not reached is an error; any other one is satisfied by the present. */
function newerThanNow(version: number | undefined, present: number): number | undefined {
  return version !== undefined && version > present ? version : undefined;
}

function patchedValue(kind: Pick<Kind, "schemaType">, object: KubeObject, patch: Patch): unknown {
  const result = applyPatch(kind, object, patch);
  if (result.kind === "patched") return result.value;
  throw result.code === 400 ? badRequest(result.message) : unprocessable(result.message);
}

function readScale(scale: unknown): { readonly replicas: number; readonly resourceVersion: string | undefined } {
  const { spec, metadata } = asRecord(scale);
  const { replicas = 0 } = asRecord(spec);
  const { resourceVersion } = asRecord(metadata);
  if (typeof replicas !== "number") throw badRequest("Scale: spec.replicas must be a number");
  return { replicas, resourceVersion: typeof resourceVersion === "string" ? resourceVersion : undefined };
}

function scaledObject(kind: Kind, old: KubeObject, replicas: number): KubeObject {
  try {
    return withReplicas(old, replicas);
  } catch (error) {
    if (error instanceof ApiError) throw error;
    const problem = invalidField("spec.replicas", replicas, "must be greater than or equal to 0");
    throw invalid(kind.resource, old.metadata.name, [problem]);
  }
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}
