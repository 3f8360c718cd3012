import { request } from "node:http";
import { ip } from "../../core/index.ts";
import { dialFrom } from "../../lab/index.ts";
import type { HttpProbe, HttpProbeResult } from "./probe.ts";

/**
 * Sends a probe's requests from a network namespace to `address`, one after the other, each on its own connection, as
 * `curl` would. Never rejects: what goes wrong is a result. Silence ends the series, so that it does not last for minutes.
 */
export async function probeHttp(
  namespacePath: string,
  address: string,
  probe: HttpProbe,
): Promise<readonly HttpProbeResult[]> {
  const results: HttpProbeResult[] = [];
  for (let i = 0; i < probe.count; i++) {
    const result = await askOnce(namespacePath, address, probe);
    results.push(result);
    if (result.kind === "failed" && result.code === "ETIMEDOUT") break;
  }
  return results;
}

function askOnce(namespacePath: string, address: string, probe: HttpProbe): Promise<HttpProbeResult> {
  const start = performance.now();
  const url = new URL(probe.url);
  return new Promise((resolve) => {
    const failed = (code: string) => resolve({ kind: "failed", code, ms: performance.now() - start });
    const outgoing = request(
      {
        createConnection: () => dialFrom(namespacePath, ip(address), Number(url.port === "" ? 80 : url.port)),
        method: probe.method,
        path: `${url.pathname}${url.search}`,
        headers: { host: url.host, ...probe.headers, connection: "close" },
        signal: AbortSignal.timeout(probe.timeoutMs),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.once("error", (error: NodeJS.ErrnoException) => failed(error.code ?? "EIO"));
        incoming.once("end", () => {
          const body = Buffer.concat(chunks).toString("utf8");
          resolve({ kind: "answer", status: incoming.statusCode ?? 0, body, ms: performance.now() - start });
        });
      },
    );
    outgoing.once("error", (error: NodeJS.ErrnoException) => {
      failed(error.name === "AbortError" ? "ETIMEDOUT" : (error.code ?? error.message));
    });
    outgoing.end();
  });
}
