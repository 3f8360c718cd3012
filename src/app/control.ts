import { createServer, request } from "node:http";
import type { IncomingMessage, Server } from "node:http";
import { CodedError, messageOf } from "../core/index.ts";

/** Answers one control request; what it returns is sent as JSON. Rejections become errors at the other end. */
export type ControlHandler = (body: unknown) => Promise<unknown>;

/** The supervisor's private door for the other commands: JSON over HTTP on a unix socket that only its user can open. */
export function serveControl(
  socketPath: string,
  handlers: Readonly<Record<string, ControlHandler>>,
): Promise<{ close(): void }> {
  const server: Server = createServer((incoming, outgoing) => {
    const reply = (code: number, value: unknown) => {
      outgoing.writeHead(code, { "content-type": "application/json" });
      outgoing.end(JSON.stringify(value ?? null));
    };
    const handler = handlers[(incoming.url ?? "/").slice(1)];
    if (handler === undefined) {
      reply(404, { message: `This lab knows no request ${incoming.url}: it runs another version of sealane` });
      return;
    }
    readJson(incoming)
      .then(handler)
      .then(
        (value) => reply(200, value),
        (error: unknown) =>
          reply(500, { message: messageOf(error), code: error instanceof CodedError ? error.code : undefined }),
      );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socketPath, () => {
      resolve({
        close: () => {
          server.close();
          server.closeAllConnections();
        },
      });
    });
  });
}

/**
 * Sends one control request to a running lab. Rejects with `CodedError`: the lab's own error, or "Unreachable".
 */
export function askLab<T>(socketPath: string, action: string, body: unknown = null): Promise<T> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path: `/${action}`, method: "POST" }, (incoming) => {
      readJson(incoming).then((value) => {
        if (incoming.statusCode === 200) {
          resolve(value as T);
          return;
        }
        const { message, code } = value as { readonly message?: string; readonly code?: string };
        reject(new CodedError(code ?? "LabFailed", message ?? `The lab answered with code ${incoming.statusCode}`));
      }, reject);
    });
    outgoing.once("error", (error) => {
      reject(new CodedError("Unreachable", `The lab does not answer: ${error.message}`, { cause: error }));
    });
    outgoing.end(JSON.stringify(body));
  });
}

async function readJson(stream: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? null : (JSON.parse(text) as unknown);
}
