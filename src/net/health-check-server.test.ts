import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { createHealthCheckServer } from "./health-check-server.ts";
import type { HealthCheckServer } from "./health-check-server.ts";

let server: HealthCheckServer | undefined;
afterEach(() => server?.close());

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

/** Asks until the port answers or refuses as wanted. */
async function eventually(port: number, wanted: number | "closed"): Promise<Response | undefined> {
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}/any/path`).catch(() => undefined);
    if ((response?.status ?? "closed") === wanted) return response;
    await new Promise((resolve) => void setTimeout(resolve, 5));
  }
}

const never = (): void => {
  throw new Error("not expected to fail");
};

describe("createHealthCheckServer()", () => {
  it("gives the present answer on each port, and closes ports that are gone", async () => {
    const port = await freePort();
    let status = 200;
    server = createHealthCheckServer();
    const answer = () => ({ status, headers: { "X-Load-Balancing-Endpoint-Weight": "2" }, body: "{}" });
    server.serve(new Map([[port, answer]]), never);
    const response = await eventually(port, 200);
    expect(response?.headers.get("X-Load-Balancing-Endpoint-Weight")).toBe("2");
    status = 503;
    await eventually(port, 503);
    server.serve(new Map(), never);
    await eventually(port, "closed");
    server.serve(new Map([[port, () => ({ status: 200, headers: {}, body: "" })]]), never);
    await eventually(port, 200);
  });

  it("tells of a port that is taken, and tries it again when it is asked for again", async () => {
    const other = createServer();
    await new Promise<void>((resolve) => void other.listen(0, resolve));
    const { port } = other.address() as AddressInfo;
    const answers = new Map([[port, () => ({ status: 200, headers: {}, body: "" })]]);
    server = createHealthCheckServer();
    const failed = await new Promise<number>((resolve) => server?.serve(answers, resolve));
    expect(failed).toBe(port);
    await new Promise((resolve) => void other.close(resolve));
    server.serve(answers, never);
    await eventually(port, 200);
  });
});
