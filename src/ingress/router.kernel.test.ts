import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { cleanups, echoBackend, start } from "../../test/support/ingress-router.ts";
import { applyLinkSteps, createNamespace, inNamespace, removeNamespace } from "../kernel/index.ts";

const run = promisify(execFile);

test("createIngressRouter() listens in the namespace of open() and reaches pods from its own", async () => {
  const folder = mkdtempSync(join(tmpdir(), "sealane-ingress-"));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const pod = join(folder, "pod");
  createNamespace(pod, () => applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]));
  cleanups.push(() => removeNamespace(pod));

  // A new user and network namespace, where the tests may run, starts with its loopback down.
  if (networkInterfaces()["lo"] === undefined) applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
  const { port, route, router, service } = await start();
  service("shop", [(await echoBackend("a")).port]);
  route("shop.example.com", "/", "shop");
  expect(await router.listen({ httpPort: 80, open: (listen) => inNamespace(pod, listen) })).toEqual({ http: 80 });

  const curl = (...args: string[]) =>
    inNamespace(pod, () => ({ done: run("curl", ["-s", "--max-time", "5", "-H", "Host: shop.example.com", ...args]) }))
      .done;
  const { stdout } = await curl("http://127.0.0.1/x");
  expect(JSON.parse(stdout)).toMatchObject({ name: "a", url: "/x", headers: { "x-forwarded-port": "80" } });
  // Nothing else of this process is there.
  await expect(curl(`http://127.0.0.1:${port}/x`)).rejects.toThrow("Command failed");
});
