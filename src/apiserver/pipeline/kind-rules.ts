import type { KubeObject } from "../../objects/index.ts";
import type { Subresource } from "../../kinds/index.ts";
import type { Write } from "../../store/index.ts";
import type { PipelineContext } from "./context.ts";

/** An object on its way into the store, with writes to other tables that must happen with it. */
export interface Draft {
  readonly object: KubeObject;
  readonly sideWrites: readonly Write[];
}

/** What the server does with objects of one kind beyond what `Kind` says: things that need the store. */
export interface KindRules {
  /** After defaulting, before validation. Throws `ApiError` to refuse. */
  readonly onCreate?: (object: KubeObject, context: PipelineContext) => Draft;
  /** After `prepareForUpdate`, before validation. `wanted` is what the client sent. Throws `ApiError` to refuse. */
  readonly onUpdate?: (
    object: KubeObject,
    old: KubeObject,
    wanted: KubeObject,
    subresource: Subresource | "finalize" | undefined,
    context: PipelineContext,
  ) => Draft;
  /** What is written when the object leaves the store. */
  readonly onRemove?: (object: KubeObject, context: PipelineContext) => readonly Write[];
  /** Seconds that a deletion with this request takes: 0 removes at once, more waits for whoever runs the object. */
  readonly gracePeriod?: (object: KubeObject, requested: number | undefined) => number;
  /** Changes an object whose deletion begins. */
  readonly onDeletionStart?: (object: KubeObject, context: PipelineContext) => KubeObject;
  /** Whether the object has finalizers of its own besides those in its metadata. */
  readonly holdsDeletion?: (object: KubeObject) => boolean;
  /** Throws `ApiError` when the object may not be deleted. */
  readonly checkDelete?: (object: KubeObject) => void;
  /** Whether a deletion answers with the object instead of a Status. */
  readonly returnsDeleted?: boolean;
}
