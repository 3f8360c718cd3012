import { createServer } from "node:http";
import type { Server } from "node:http";
import type { Port } from "../../../src/core/index.ts";
import { inNamespace } from "../../../src/kernel/index.ts";
import type { HealthCheckAnswer, HealthChecksPort } from "../../../src/proxy/index.ts";

/** Health checks of a node's load balancers, answered in the node's namespace by this process. */
export function healthPortsIn(namespace: string): HealthChecksPort & { close(): void } {
  const open = new Map<Port, { answer: () => HealthCheckAnswer; readonly server: Server }>();
  const listen = (port: Port, answer: () => HealthCheckAnswer): void => {
    const server = createServer((_request, response) => {
      const { status, headers, body } = entry.answer();
      response.writeHead(status, { ...headers, connection: "close" }).end(body);
    });
    const entry = { answer, server };
    open.set(port, entry);
    // Without a host it binds on the spot, while the thread is in the namespace.
    inNamespace(namespace, () => void server.listen(port));
  };
  return {
    serve(answers) {
      for (const [port, { server }] of open) {
        if (answers.has(port)) continue;
        server.close();
        open.delete(port);
      }
      for (const [port, answer] of answers) {
        const known = open.get(port);
        if (known === undefined) listen(port, answer);
        else known.answer = answer;
      }
    },
    close() {
      for (const { server } of open.values()) server.close();
      open.clear();
    },
  };
}
