import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
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

function file(text: string): string {
  const path = join(folder, "file");
  writeFileSync(path, text);
  return path;
}

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

  it.each<readonly [string, () => string, () => string]>([
    ["below a file", () => join(file(""), "state"), () => `${folder}/file is not a directory`],
    ["that is a file", () => file(""), () => `${folder}/file is not a directory`],
    // The recursive `mkdirSync` of Node 20 never returns from it.
    ["in /proc", () => "/proc/sealane/state", () => "ENOENT: no such file or directory, mkdir '/proc/sealane'"],
    ["that is a device", () => "/dev/null", () => "/dev/null is not a directory"],
  ])("refuses a directory %s in one line that says what to do", async (_, directory, reason) => {
    const state = directory();
    const message = `Cannot open the state in ${state}: ${reason()}: give --state a directory that you may write to`;
    await expect(openLmdb(state)).rejects.toMatchObject({ code: "CannotOpenState", message });
  });

  it.each([
    ["text", "no database"],
    ["much text", "no database".repeat(1000)],
  ])("refuses a file of %s in place of the database, which would crash LMDB", async (_, text) => {
    const database = join(folder, "objects.lmdb");
    writeFileSync(database, text);
    const message = `${database} is no state of Sealane: remove it, or give --state another directory`;
    await expect(openLmdb(folder)).rejects.toMatchObject({ code: "CannotOpenState", message });
  });

  it("makes the directories that lead to the state, for their owner only", async () => {
    const state = join(folder, "a", "b");
    await (await openLmdb(state)).close();
    expect(statSync(state).mode & 0o777).toBe(0o700);
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
