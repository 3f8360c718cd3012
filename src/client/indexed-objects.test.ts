import { describe, expect, it } from "vitest";
import type { ConfigMap } from "../objects/index.ts";
import { objectKey } from "../objects/index.ts";
import { IndexedObjects } from "./indexed-objects.ts";

function map(namespace: string, name: string): ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace, name } };
}

describe("IndexedObjects", () => {
  it("lists the objects of a namespace, those included that come and go after it was first asked", () => {
    const objects = new IndexedObjects<ConfigMap>({});
    const put = (object: ConfigMap) => objects.set(objectKey(object), object);
    const names = (namespace: string) => objects.list(namespace).map(({ metadata }) => metadata.name);
    put(map("a", "one"));
    put(map("b", "two"));
    objects.delete("b/two");
    expect([names("a"), names("b")]).toEqual([["one"], []]);
    put(map("a", "three"));
    put(map("b", "four"));
    objects.delete("a/one");
    expect([names("a"), names("b"), names("c")]).toEqual([["three"], ["four"], []]);
  });
});
