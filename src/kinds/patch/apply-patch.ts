import { CodedError } from "../../core/index.ts";
import type { KubeObject, Patch } from "../../objects/index.ts";
import type { Kind } from "../kind.ts";
import { applyJsonPatch } from "./json-patch.ts";
import { applyMergePatch } from "./merge-patch.ts";
import { applyStrategicPatch } from "./strategic-patch.ts";

/** What became of a patch. A patched value has still to be decoded, defaulted and validated. */
export type PatchResult =
  | { readonly kind: "patched"; readonly value: unknown }
  | {
      readonly kind: "failed";
      /** 400: the patch itself makes no sense; 422: it does not fit this object. */
      readonly code: 400 | 422;
      readonly reason: "BadRequest" | "Invalid";
      readonly message: string;
    };

/** Applies a patch to an object, or to a Scale of it. Never throws; the object is not changed. */
export function applyPatch(kind: Pick<Kind, "schemaType">, object: KubeObject, patch: Patch): PatchResult {
  try {
    switch (patch.type) {
      case "json":
        return { kind: "patched", value: applyJsonPatch(object, patch.body) };
      case "merge":
        return { kind: "patched", value: applyMergePatch(object, requireObject(patch.body)) };
      case "strategic":
        return { kind: "patched", value: applyStrategicPatch(kind.schemaType, object, requireObject(patch.body)) };
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const invalid = error.code === "Invalid";
    return {
      kind: "failed",
      code: invalid ? 422 : 400,
      reason: invalid ? "Invalid" : "BadRequest",
      message: error.message,
    };
  }
}

function requireObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === "object" && body !== null && !Array.isArray(body)) return { ...body };
  throw new CodedError("BadRequest", "error decoding patch: the patch must be a JSON object");
}
