import { isNotFound } from "../objects/index.ts";

/** The answer of a request; undefined when the object is gone, which is as good. */
export async function unlessGone<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
