import { badRequest } from "../errors.ts";

/** Where the next page of a list starts, and of which version it is. */
export interface Continuation {
  readonly version: number;
  readonly after: { readonly namespace: string; readonly name: string };
}

/** The `continue` token for a page; opaque to clients. */
export function encodeContinuation({ version, after }: Continuation): string {
  return Buffer.from(JSON.stringify([version, after.namespace, after.name])).toString("base64url");
}

/** Reads a token that `encodeContinuation` made. Throws `ApiError` 400 for anything else. */
export function decodeContinuation(token: string): Continuation {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(token, "base64url").toString());
    if (Array.isArray(parsed)) {
      const [version, namespace, name] = parsed as readonly unknown[];
      if (typeof version === "number" && typeof namespace === "string" && typeof name === "string") {
        return { version, after: { namespace, name } };
      }
    }
  } catch {
    // Falls through to the refusal: the token is no JSON.
  }
  throw badRequest("continue key is not valid");
}

/** Reads a resourceVersion parameter; undefined for "". Throws `ApiError` 400 when it is none. */
export function parseResourceVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^[0-9]{1,15}$/.test(text))
    throw badRequest(`invalid resource version ${JSON.stringify(text)}: must be a decimal number`);
  return Number(text);
}
