import { request } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { createInterface } from "node:readline";

/** What a server answered. `body` is the parsed JSON, or the text when it is none. */
export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
  readonly text: string;
}

export interface Call {
  readonly method?: string;
  /** Sent as JSON unless it is text or bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One HTTP request over a unix socket. */
export async function unixRequest(socketPath: string, path: string, call: Call = {}): Promise<Answer> {
  const message = await open(socketPath, path, call);
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return { code: message.statusCode ?? 0, headers: message.headers, body: parsed(text), text };
}

/** A request whose answer is a stream of JSON lines; `take(n)` waits for the next n of them. */
export async function unixLines(socketPath: string, path: string, call: Call = {}) {
  const message = await open(socketPath, path, call);
  message.on("error", () => undefined);
  const lines = createInterface({ input: message })[Symbol.asyncIterator]();
  const take = async (count: number): Promise<Readonly<Record<string, unknown>>[]> => {
    const taken: Readonly<Record<string, unknown>>[] = [];
    while (taken.length < count) {
      const { value, done } = await lines.next();
      if (done === true) break;
      taken.push(parsed(value));
    }
    return taken;
  };
  return { take, close: () => message.destroy(), headers: message.headers };
}

function open(
  socketPath: string,
  path: string,
  { method = "GET", body, headers = {} }: Call,
): Promise<IncomingMessage> {
  const bytes =
    body === undefined || typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const length = bytes === undefined ? {} : { "content-length": Buffer.byteLength(bytes) };
    const outgoing = request({ socketPath, path, method, headers: { ...length, ...headers } }, resolve);
    outgoing.on("error", reject);
    outgoing.end(bytes);
  });
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : { value };
  } catch {
    return { text };
  }
}
