import { kinds } from "../kinds/index.ts";
import type { ClusterApi } from "../objects/index.ts";
import { nameOf } from "./apply.ts";

/** The objects that the API keeps although nothing acts on them, by kind and name; an object that has two versions is named once. */
export async function storedOnlyObjects(api: ClusterApi): Promise<readonly string[]> {
  const found = new Map<string, string>();
  for (const { resource, actedOn } of kinds) {
    if (actedOn) continue;
    const { items } = await api.list(resource);
    for (const object of items) found.set(object.metadata.uid ?? "", nameOf(resource, object));
  }
  return [...found.values()].sort();
}
