import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resources } from "../objects/index.ts";
import type { ConfigMap, KubeObject } from "../objects/index.ts";
import { createApiServer, openLmdb } from "./index.ts";

let folder: string;

beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "sealane-state-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const configMap = (name: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
  data: { name },
});

describe("openLmdb()", () => {
  it("brings back objects, versions and deletions", async () => {
    const first = await createApiServer({ persistence: await openLmdb(folder) });
    const kept = await first.api.create(resources.configMaps, configMap("kept"));
    await first.api.create(resources.configMaps, configMap("gone"));
    await first.api.delete(resources.configMaps, "default", "gone");
    const before = await first.api.list(resources.configMaps);
    await first.close();

    const second = await createApiServer({ persistence: await openLmdb(folder) });
    const after = await second.api.list(resources.configMaps);
    expect(after).toEqual(before);
    expect(after.items).toEqual([kept]);
    const next = await second.api.create(resources.configMaps, configMap("next"));
    expect(Number(next.metadata.resourceVersion)).toBe(Number(before.resourceVersion) + 1);
    await second.close();
  });

  it("refuses a directory that it cannot use, by name", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const message = expect.stringContaining(`Cannot open the state in ${file}/state: `);
    await expect(openLmdb(join(file, "state"))).rejects.toMatchObject({ code: "CannotOpenState", message });
  });

  it("has every write that was answered after kill -9", async () => {
    // The child runs the same sources through the lmdb package alone: TypeScript needs a loader that Node 20 lacks.
    const script = `
      import { open } from "lmdb";
      const database = open({ path: ${JSON.stringify(join(folder, "objects.lmdb"))}, encoding: "json" });
      for (let i = 1; ; i++) {
        const metadata = { name: "n" + i, namespace: "default", resourceVersion: String(i) };
        await database.batch(() => {
          void database.put("configmaps default/n" + i, { apiVersion: "v1", kind: "ConfigMap", metadata });
          void database.put("!meta", { layout: 1, version: i });
        });
        console.log(i);
      }`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let answered = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      answered = Number(line);
      if (answered === 50) child.kill("SIGKILL");
    }
    const server = await createApiServer({ persistence: await openLmdb(folder) });
    const { items } = await server.api.list<KubeObject>(resources.configMaps, { namespace: "default" });
    expect(items.length).toBeGreaterThanOrEqual(answered);
    expect(answered).toBeGreaterThanOrEqual(50);
    await server.close();
  });
});
