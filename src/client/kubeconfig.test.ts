import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { readKubeconfig } from "./kubeconfig.ts";

let folder: string | undefined;

afterEach(async () => {
  if (folder !== undefined) await rm(folder, { recursive: true });
  folder = undefined;
});

const config = {
  "current-context": "lab",
  contexts: [{ name: "lab", context: { cluster: "here", user: "me" } }],
  clusters: [
    { name: "here", cluster: { server: "https://127.0.0.1:6443/base/", "certificate-authority-data": "Q0E=" } },
  ],
  users: [{ name: "me", user: { token: "secret" } }],
};

describe("readKubeconfig()", () => {
  it("reads the current context of a value", async () => {
    const { token, ...address } = await readKubeconfig(config);
    expect(token?.read()).toBe("secret");
    expect(address).toEqual({
      protocol: "https",
      host: "127.0.0.1",
      port: 6443,
      basePath: "/base",
      insecure: false,
      ca: "CA",
    });
  });

  it("reads a file, with credentials in files beside it", async () => {
    folder = await mkdtemp(join(tmpdir(), "kubeconfig-"));
    const file = join(folder, "config");
    await writeFile(join(folder, "ca.pem"), "CA");
    await writeFile(join(folder, "token"), "secret\n");
    await writeFile(
      file,
      [
        "current-context: lab",
        "contexts: [{name: lab, context: {cluster: here, user: me}}]",
        'clusters: [{name: here, cluster: {server: "https://[::1]", certificate-authority: ca.pem}}]',
        "users: [{name: me, user: {tokenFile: token}}]",
      ].join("\n"),
    );
    const address = await readKubeconfig(file);
    expect(address).toMatchObject({ host: "::1", port: 443, ca: "CA" });
    expect(address.token?.read()).toBe("secret");
  });

  const wrong: readonly (readonly [string, object, string])[] = [
    ["no current context", { ...config, "current-context": "" }, "has no current-context"],
    ["an unknown context", { ...config, "current-context": "x" }, 'has no context named "x"'],
    ["an unknown user", { ...config, users: [] }, 'has no user named "me"'],
    ["no server", { ...config, clusters: [{ name: "here", cluster: {} }] }, "has no usable server address"],
    ["a credential plugin", { ...config, users: [{ name: "me", user: { exec: {} } }] }, "asks for a credential plugin"],
  ];
  it.each(wrong)("refuses %s", async (_what, value, message) => {
    await expect(readKubeconfig(value)).rejects.toMatchObject({
      code: "InvalidKubeconfig",
      message: expect.stringContaining(message),
    });
  });

  it("names a file that is not there", async () => {
    await expect(readKubeconfig("/nowhere/config")).rejects.toThrow("/nowhere/config cannot be read");
  });
});
