import { describe, expect, it } from "vitest";
import { resources } from "../objects/index.ts";
import type { ClusterApi, ConfigMap, ListOptions, ObjectList } from "../objects/index.ts";
import { FakeApi, refusal } from "../../test/cluster/fake-api.ts";
import { listPages } from "./list-pages.ts";

/** A list that was asked for, and what becomes of it. */
interface Asked {
  readonly from: string;
  readonly more: (token: string) => void;
  readonly answer: (rest?: string) => void;
  readonly refuse: () => void;
}

/** An API whose lists are answered by the test. */
function listing(): { readonly api: ClusterApi; readonly asked: readonly Asked[] } {
  const api = new FakeApi();
  const asked: Asked[] = [];
  api.list = (_resource: never, options: ListOptions) =>
    new Promise((resolve, reject) => {
      const from = options.continue ?? "start";
      asked.push({
        from,
        more: (token) => options.whenMore?.(token),
        answer: (rest) =>
          resolve({
            resourceVersion: "9",
            items: [{ metadata: { name: from } }] as never[],
            ...(rest === undefined ? {} : { continue: rest }),
          }),
        refuse: () => reject(refusal(410, "Expired", "too old")),
      });
    });
  return { api, asked };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const from = (asked: readonly Asked[]) => asked.map((one) => one.from);

async function namesOf(pages: AsyncIterable<ObjectList<ConfigMap>>): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { items } of pages) names.push(...items.map(({ metadata }) => metadata.name));
  return names;
}

describe("listPages()", () => {
  it("asks for the next page when it knows where that is, and never for more than one", async () => {
    const { api, asked } = listing();
    const names = namesOf(listPages(api, resources.configMaps, { limit: 1 }));
    asked[0]?.more("b");
    expect(from(asked)).toEqual(["start", "b"]);
    asked[1]?.more("c");
    expect(from(asked)).toEqual(["start", "b"]);
    asked[0]?.answer("b");
    await settled();
    expect(from(asked)).toEqual(["start", "b", "c"]);
    asked[2]?.answer();
    asked[1]?.answer("c");
    expect(await names).toEqual(["start", "b", "c"]);
  });

  it("asks when a page is there if nobody told before, or told something else", async () => {
    const { api, asked } = listing();
    const names = namesOf(listPages(api, resources.configMaps, { limit: 1 }));
    asked[0]?.answer("b");
    await settled();
    asked[1]?.more("wrong");
    asked[1]?.answer("c");
    await settled();
    expect(from(asked)).toEqual(["start", "b", "wrong", "c"]);
    asked[2]?.refuse();
    asked[3]?.answer();
    expect(await names).toEqual(["start", "b", "c"]);
  });

  it("rejects when a page is refused, also one that was asked for early", async () => {
    const { api, asked } = listing();
    const names = namesOf(listPages(api, resources.configMaps, { limit: 1 }));
    asked[0]?.more("b");
    asked[1]?.refuse();
    await settled();
    asked[0]?.answer("b");
    await expect(names).rejects.toMatchObject({ status: { code: 410 } });
  });
});
