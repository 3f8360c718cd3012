import type { ClusterApi, KubeObject, ListOptions, ObjectList, Resource } from "../objects/index.ts";

interface AskedPage<T> {
  readonly answer: Promise<ObjectList<T>>;
  /** Where the next page starts, once that is known. */
  more: string | undefined;
  next: AskedPage<T> | undefined;
}

/**
 * The pages of one consistent list, in order. While a page is received and read, the server makes the next one, but never more
 * than that: no more than two are in memory. Rejects as `api.list()` does, with 410 when the list took too long.
 */
export async function* listPages<T extends KubeObject>(
  api: ClusterApi,
  resource: Resource<T>,
  options: ListOptions & { readonly limit: number },
): AsyncGenerator<ObjectList<T>, undefined> {
  const ask = (rest: Pick<ListOptions, "continue">): AskedPage<T> => {
    const whenMore = (token: string): void => {
      page.more = token;
      if (page === current) page.next ??= ask({ continue: token });
    };
    const answer = api.list(resource, { ...options, ...rest, whenMore });
    // Whoever waits for it is told; until then nobody may be waiting.
    answer.catch(() => undefined);
    const page: AskedPage<T> = { answer, more: undefined, next: undefined };
    return page;
  };
  let current = ask({});
  for (;;) {
    const page = await current.answer;
    const { more, next } = current;
    // A chain of pages that are done with would keep V8 from collecting them soon.
    current.next = undefined;
    const rest = page.continue;
    if (rest !== undefined) {
      current = next !== undefined && more === rest ? next : ask({ continue: rest });
      if (current.more !== undefined) current.next ??= ask({ continue: current.more });
    }
    yield page;
    if (rest === undefined) return undefined;
  }
}
