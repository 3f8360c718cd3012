import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listenHttp } from "./http-listener.ts";

const compiled = new URL("../../dist/net/http-listener.js", import.meta.url);

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "sealane-net-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const fetchText = (options: { readonly port?: number; readonly socketPath?: string }) =>
  new Promise<string>((resolve, reject) => {
    const request = get({ host: "127.0.0.1", ...options, agent: false }, (message) => {
      let text = "";
      message.on("data", (chunk: Buffer) => void (text += chunk.toString()));
      message.on("end", () => resolve(text));
    });
    request.on("error", reject);
  });

describe("listenHttp()", () => {
  it("serves on a TCP port and on a unix socket, replacing a stale one", async () => {
    const tcp = await listenHttp({ kind: "tcp", host: "127.0.0.1", port: 0 }, (_request, response) =>
      response.end("tcp"),
    );
    expect(await fetchText({ port: tcp.address?.port ?? 0 })).toBe("tcp");
    await tcp.close();
    const socketPath = join(folder, "a.sock");
    writeFileSync(socketPath, "stale");
    const unix = await listenHttp({ kind: "unix", path: socketPath }, (_request, response) => response.end("unix"));
    expect(await fetchText({ socketPath })).toBe("unix");
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(unix.address).toBeUndefined();
    await unix.close();
  });

  it("names the address that is in use", async () => {
    const handler = () => undefined;
    const first = await listenHttp({ kind: "tcp", host: "127.0.0.1", port: 0 }, handler);
    const port = first.address?.port ?? 0;
    await expect(listenHttp({ kind: "tcp", host: "127.0.0.1", port }, handler)).rejects.toMatchObject({
      code: "CannotListen",
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
    await first.close();
  });

  it("cuts open connections when it closes", async () => {
    const listener = await listenHttp({ kind: "tcp", host: "127.0.0.1", port: 0 }, (_request, response) => {
      response.write("never ends");
    });
    const ended = new Promise((resolve) => {
      const request = get({ host: "127.0.0.1", port: listener.address?.port }, (message) => {
        message.resume();
        message.on("close", resolve);
        void listener.close();
      });
      request.on("error", resolve);
    });
    await ended;
  });

  // The child is plain Node, which needs the compiled layer: `npx tsc -b src/net` makes it.
  it.skipIf(!existsSync(compiled))("serves on a listening descriptor that somebody else opened", async () => {
    const owner = createServer();
    await new Promise<void>((resolve) => owner.listen(0, "127.0.0.1", resolve));
    const { port } = owner.address() as AddressInfo;
    const handle: unknown = Reflect.get(owner, "_handle");
    const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
    const script = `
      import { listenHttp } from ${JSON.stringify(compiled.href)};
      await listenHttp({ kind: "descriptor", fd: 3 }, (request, response) => response.end("child"));
      console.log("up");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit", typeof fd === "number" ? fd : "ignore"],
    });
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    owner.close();
    expect(await fetchText({ port })).toBe("child");
    child.kill();
  });
});
