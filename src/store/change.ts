import type { KubeObject } from "../objects/index.ts";

/** What a write expects to find: nothing, exactly this version, or it does not care. */
export type Expectation =
  | { readonly kind: "absent" }
  | { readonly kind: "version"; readonly resourceVersion: string }
  | { readonly kind: "any" };

/** One write of a batch. `table` is the name of a resource such as `services` or `deployments.apps`. */
export type Write =
  | { readonly kind: "put"; readonly table: string; readonly object: KubeObject; readonly expect: Expectation }
  | {
      readonly kind: "delete";
      readonly table: string;
      readonly namespace: string | undefined;
      readonly name: string;
      readonly expect: Expectation;
    };

/** What one write did. `now` is undefined after a deletion, `before` when the object is new; `version` grows. */
export interface Change {
  readonly version: number;
  readonly namespace: string;
  readonly name: string;
  readonly now: KubeObject | undefined;
  readonly before: KubeObject | undefined;
}

/** `object` as it is stored under `version`. */
export function atVersion<T extends KubeObject>(object: T, version: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
