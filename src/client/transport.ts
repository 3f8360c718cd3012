import * as http from "node:http";
import { CodedError } from "../core/index.ts";
import { ApiError } from "../objects/index.ts";
import type { Status } from "../objects/index.ts";
import type { ServerAddress } from "./kubeconfig.ts";

const requestTimeoutMs = 30_000;

/** One request to the API. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

/** Who receives a streamed answer. `end` is called exactly once, unless the receiver stopped the stream itself. */
export interface StreamHandlers {
  data(chunk: Uint8Array): void;
  end(error: Error | undefined): void;
}

/** How an answer is read, when not as a whole at its end. */
export interface JsonReading {
  /** Given all bytes of a good answer before they are parsed. What it asks for is sent before that, too. */
  readonly received?: (json: Uint8Array) => void;
  /** `JSON.parse` unless given; the bytes are its own. */
  readonly parse?: (json: Uint8Array) => unknown;
}

/** HTTP to one API server, over connections that are kept. */
export interface Transport {
  /** The parsed JSON answer. Rejects with `ApiError`, or `CodedError` code `Unreachable`. */
  json(request: ApiRequest, reading?: JsonReading): Promise<unknown>;
  /** A GET whose answer is handed on as it comes; returns how to stop. */
  stream(path: string, handlers: StreamHandlers): () => void;
  close(): void;
}

/** Where the server listens: a unix socket, or an address with credentials. */
export type TransportTarget = { readonly socketPath: string } | ServerAddress;

/** Opens nothing yet: connections are made by the first requests. */
export async function createTransport(target: TransportTarget): Promise<Transport> {
  const connection = await connectionOf(target);
  const open = (request: ApiRequest, payload: string | undefined): http.ClientRequest =>
    connection.request({
      method: request.method,
      path: connection.basePath + request.path,
      headers: {
        accept: "application/json",
        ...connection.headers(),
        ...(payload === undefined
          ? {}
          : {
              "content-type": request.contentType ?? "application/json",
              "content-length": Buffer.byteLength(payload),
            }),
      },
    });

  const json = (
    request: ApiRequest,
    reading: JsonReading = {},
    mayRepeat = request.method === "GET",
  ): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const payload = request.body === undefined ? undefined : JSON.stringify(request.body);
      const sent = open(request, payload);
      sent.setTimeout(requestTimeoutMs, () => sent.destroy(new Error(`no answer in ${requestTimeoutMs / 1000} s`)));
      sent.on("error", (error: NodeJS.ErrnoException) => {
        // The server closed a kept connection just as we used it: only reads may be sent twice.
        if (mayRepeat && sent.reusedSocket && error.code === "ECONNRESET") resolve(json(request, reading, false));
        else reject(unreachable(connection.name, error));
      });
      sent.on("response", (response) => {
        const code = response.statusCode ?? 0;
        const isGood = code >= 200 && code <= 299;
        if (code === 401) connection.unauthorized();
        const chunks: Uint8Array[] = [];
        response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        response.on("error", (error) => reject(unreachable(connection.name, error)));
        response.on("end", () => {
          const body = Buffer.concat(chunks);
          if (!isGood) return reject(refusal(request, code, body.toString("utf8")));
          const read = (): void => {
            try {
              resolve(body.length === 0 ? undefined : (reading.parse ?? parseJson)(body));
            } catch (error) {
              reject(unreachable(connection.name, error));
            }
          };
          if (reading.received === undefined) return read();
          reading.received(body);
          setImmediate(read);
          return undefined;
        });
      });
      sent.end(payload);
    });

  const stream = (path: string, handlers: StreamHandlers): (() => void) => {
    const request: ApiRequest = { method: "GET", path };
    const sent = open(request, undefined);
    let over = false;
    const end = (error: Error | undefined): void => {
      if (over) return;
      over = true;
      handlers.end(error);
    };
    sent.on("error", (error) => end(unreachable(connection.name, error)));
    sent.on("response", (response) => {
      const code = response.statusCode ?? 0;
      if (code === 401) connection.unauthorized();
      const refused: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => {
        if (over) return;
        if (code === 200) handlers.data(chunk);
        else refused.push(chunk);
      });
      response.on("error", (error) => end(unreachable(connection.name, error)));
      response.on("close", () => end(undefined));
      response.on("end", () =>
        end(code === 200 ? undefined : refusal(request, code, Buffer.concat(refused).toString("utf8"))),
      );
    });
    sent.on("socket", (socket) => socket.setKeepAlive(true, 30_000));
    sent.end();
    return () => {
      over = true;
      sent.destroy();
    };
  };

  return { json, stream, close: () => connection.close() };
}

function parseJson(json: Uint8Array): unknown {
  return JSON.parse(Buffer.from(json.buffer, json.byteOffset, json.length).toString("utf8")) as unknown;
}

interface Connection {
  readonly name: string;
  readonly basePath: string;
  /** Of a request that is sent now. */
  readonly headers: () => Readonly<Record<string, string>>;
  /** The server did not accept who sends the requests. */
  readonly unauthorized: () => void;
  request(options: http.RequestOptions): http.ClientRequest;
  close(): void;
}

async function connectionOf(target: TransportTarget): Promise<Connection> {
  if ("socketPath" in target) {
    const agent = new http.Agent({ keepAlive: true });
    const { socketPath } = target;
    return {
      name: socketPath,
      basePath: "",
      headers: () => ({ host: "localhost" }),
      unauthorized: () => undefined,
      request: (options) => http.request({ ...options, agent, socketPath }),
      close: () => agent.destroy(),
    };
  }
  const { protocol, host, port, basePath, token } = target;
  const name = `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const who = {
    headers: () => (token === undefined ? {} : { authorization: `Bearer ${token.read()}` }),
    unauthorized: () => token?.refused(),
  };
  if (protocol === "http") {
    const agent = new http.Agent({ keepAlive: true });
    const request = (options: http.RequestOptions): http.ClientRequest =>
      http.request({ ...options, agent, host, port });
    return { name, basePath, ...who, request, close: () => agent.destroy() };
  }
  const https = await import("node:https");
  const agent = new https.Agent({
    keepAlive: true,
    rejectUnauthorized: !target.insecure,
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    ...(target.cert === undefined ? {} : { cert: target.cert }),
    ...(target.key === undefined ? {} : { key: target.key }),
    ...(target.serverName === undefined ? {} : { servername: target.serverName }),
  });
  const request = (options: http.RequestOptions): http.ClientRequest =>
    https.request({ ...options, agent, host, port });
  return { name, basePath, ...who, request, close: () => agent.destroy() };
}

function refusal(request: ApiRequest, code: number, body: string): ApiError {
  try {
    const parsed: unknown = JSON.parse(body);
    if (isFailure(parsed)) return new ApiError(parsed);
  } catch {
    // Not from the API itself: a proxy in between, or a server of another kind.
  }
  return new ApiError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    reason: code === 404 ? "NotFound" : code === 410 ? "Expired" : "Unknown",
    message: `${request.method} ${request.path} was answered with code ${code}: ${body.slice(0, 200)}`,
    code,
  });
}

/** Whether a value is the Status of a failure. */
export function isFailure(value: unknown): value is Status {
  return (
    typeof value === "object" &&
    value !== null &&
    "kind" in value &&
    value.kind === "Status" &&
    "code" in value &&
    typeof value.code === "number"
  );
}

/** A connection that broke or was never made. */
export function unreachable(server: string, cause: unknown): CodedError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CodedError("Unreachable", `The API at ${server} cannot be reached: ${reason}`, { cause });
}
