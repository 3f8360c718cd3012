import { apiVersionOf } from "../objects/index.ts";
import type {
  ClusterApi,
  DeleteOptions,
  KubeObject,
  ListOptions,
  ObjectList,
  Patch,
  Resource,
  Watch,
  WatchEvent,
  WatchHandlers,
} from "../objects/index.ts";
import { findKindByName } from "../kinds/index.ts";
import type { Kind } from "../kinds/index.ts";
import { asApiError, badRequest, noSuchResource } from "./errors.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";

/**
 * The API for the same process: the pipeline without HTTP and JSON. Objects go in and come out by reference, so
 * callers hand over what they will not change, and change nothing that they get.
 */
export function inProcessApi(pipeline: Pipeline): ClusterApi {
  // The store holds only objects that were decoded or typed as this resource, which is what the casts below rest on.
  const answer = async <T>(run: () => KubeObject): Promise<T> => {
    try {
      const object = run();
      await pipeline.durable();
      return object as T;
    } catch (error) {
      throw asApiError(error);
    }
  };
  return {
    get: (resource, namespace, name) => answer(() => pipeline.get(kindOf(resource), namespace, name)),
    list: <T extends KubeObject>(resource: Resource<T>, options: ListOptions = {}): Promise<ObjectList<T>> =>
      list(pipeline, resource, options),
    watch: (resource, options, handlers) => watch(pipeline, resource, options, handlers),
    create: (resource, object) =>
      answer(() => pipeline.create(kindOf(resource), object.metadata.namespace, object).object),
    update: (resource, object) => answer(() => update(pipeline, resource, object, undefined)),
    updateStatus: (resource, object) => answer(() => update(pipeline, resource, object, "status")),
    patch: (
      resource: Resource<KubeObject>,
      namespace: string | undefined,
      name: string,
      patch: Patch,
      subresource?: "status" | "scale",
    ) =>
      answer(() => pipeline.patch(kindOf(resource), namespace, name, patch, subresource, refuseUnknownFields).object),
    delete: async (resource, namespace, name, options: DeleteOptions = {}) => {
      await answer(() => pipeline.delete(kindOf(resource), namespace, name, options).object);
    },
  };
}

function kindOf<T extends KubeObject>(resource: Resource<T>): Kind {
  const kind = findKindByName(apiVersionOf(resource), resource.kind);
  if (kind === undefined) throw noSuchResource();
  return kind;
}

function update<T extends KubeObject>(
  pipeline: Pipeline,
  resource: Resource<T>,
  object: T,
  subresource: "status" | undefined,
): KubeObject {
  const { namespace, name } = object.metadata;
  return pipeline.update(kindOf(resource), namespace, name, object, subresource).object;
}

async function list<T extends KubeObject>(
  pipeline: Pipeline,
  resource: Resource<T>,
  options: ListOptions,
): Promise<ObjectList<T>> {
  try {
    const { continue: continueToken, ...rest } = options;
    const page = pipeline.list(kindOf(resource), { ...rest, continueToken });
    return {
      resourceVersion: String(page.version),
      ...(page.continueToken === undefined ? {} : { continue: page.continueToken }),
      items: page.items as readonly T[],
    };
  } catch (error) {
    throw asApiError(error);
  }
}

function watch<T extends KubeObject>(
  pipeline: Pipeline,
  resource: Resource<T>,
  options: ListOptions,
  handlers: WatchHandlers<T>,
): Watch {
  try {
    return pipeline.watch(kindOf(resource), options, {
      event: (event) => handlers.event(event as WatchEvent<T>),
      closed: (error) => handlers.closed(error),
    });
  } catch (error) {
    // The contract says that a watch reports its end through its handlers, once, and never throws.
    let open = true;
    queueMicrotask(() => open && handlers.closed(asApiError(error)));
    return { close: () => void (open = false) };
  }
}

function refuseUnknownFields(problems: readonly string[]): void {
  if (problems.length > 0) throw badRequest(`strict decoding error: ${problems.join(", ")}`);
}
