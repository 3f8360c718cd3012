import type { Port } from "../core/index.ts";
import { messageOf } from "../core/index.ts";
import { listenHttp } from "./http-listener.ts";
import type { HttpListener } from "./http-listener.ts";

/** What is answered on one port, whatever the path. */
export interface PortAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** HTTP servers that give one answer each. */
export interface HealthCheckServer {
  /** From now on exactly these ports answer. `failed` is told of each port that cannot be opened. */
  serve(answers: ReadonlyMap<Port, () => PortAnswer>, failed: (port: Port, error: Error) => void): void;
  /** Closes all ports. */
  close(): Promise<void>;
}

interface OpenPort {
  answer: () => PortAnswer;
  readonly listener: Promise<HttpListener | undefined>;
}

/** Makes the servers for the health check node ports of a node, on all its addresses (or on `host`). */
export function createHealthCheckServer({ host = "::" }: { readonly host?: string } = {}): HealthCheckServer {
  const ports = new Map<Port, OpenPort>();
  const closing = new Map<Port, Promise<void>>();

  const open = (port: Port, answer: () => PortAnswer, failed: (port: Port, error: Error) => void): void => {
    const start = async (): Promise<HttpListener | undefined> => {
      // The same port may still be closing.
      await closing.get(port);
      try {
        return await listenHttp({ kind: "tcp", host, port }, (_request, response) => {
          const { status, headers, body } = entry.answer();
          response.writeHead(status, headers).end(body);
        });
      } catch (error) {
        if (ports.get(port) === entry) ports.delete(port);
        failed(port, error instanceof Error ? error : new Error(messageOf(error)));
        return undefined;
      }
    };
    const entry: OpenPort = { answer, listener: Promise.resolve().then(start) };
    ports.set(port, entry);
  };
  const close = (port: Port, { listener }: OpenPort): void => {
    ports.delete(port);
    const done = listener.then((running) => running?.close()).then(() => undefined);
    closing.set(port, done);
    void done.finally(() => closing.get(port) === done && closing.delete(port));
  };

  return {
    serve(answers, failed) {
      for (const [port, entry] of ports) if (!answers.has(port)) close(port, entry);
      for (const [port, answer] of answers) {
        const known = ports.get(port);
        if (known === undefined) open(port, answer, failed);
        else known.answer = answer;
      }
    },
    async close() {
      for (const [port, entry] of ports) close(port, entry);
      await Promise.all(closing.values());
    },
  };
}
