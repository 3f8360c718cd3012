import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unixRequest } from "../../test/support/unix-http.ts";
import { createApiServer } from "./index.ts";
import type { ApiServer } from "./index.ts";

let folder: string;
let socket: string;
let server: ApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-fuzz-"));
  socket = join(folder, "api.sock");
  server = await createApiServer();
  await server.listenUnix(socket);
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const alive = async () => expect((await unixRequest(socket, "/readyz")).text).toBe("ok");

/** Sends bytes to the socket and waits until the server hangs up. */
function raw(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.on("error", () => resolve());
    connection.on("close", () => resolve());
    connection.resume();
    connection.end(bytes);
  });
}

describe("requestHandler()", () => {
  it("survives bytes that are no HTTP", async () => {
    for (let i = 0; i < 50; i++) await raw(randomBytes(200));
    await raw(Buffer.from("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nshort"));
    await alive();
  });

  it("answers any path and method with a Status or a document", async () => {
    const word = fc.constantFrom(
      "api",
      "apis",
      "v1",
      "apps",
      "namespaces",
      "default",
      "services",
      "pods",
      "status",
      "scale",
      "log",
      "finalize",
      "openapi",
      "v2",
      "v3",
      "..",
      "%00",
      "%zz",
      "__proto__",
      "constructor",
      "kubernetes",
      "",
    );
    const query = fc.constantFrom(
      "",
      "?limit=x",
      "?limit=-1",
      "?continue=AAAA",
      "?fieldSelector=a",
      "?labelSelector=((",
      "?resourceVersion=-1",
      "?resourceVersion=99999999999",
      "?dryRun=Some",
      "?fieldValidation=No",
      "?%",
      "?includeObject=?",
    );
    const request = fc.record({
      method: fc.constantFrom("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"),
      path: fc.array(word, { maxLength: 8 }).map((words) => `/${words.join("/")}`),
      query,
      accept: fc.constantFrom(
        "application/json",
        "application/json;as=Table;v=v1;g=meta.k8s.io",
        "text/html",
        "*/*",
        ";;,",
      ),
      type: fc.constantFrom(
        "application/json",
        "application/merge-patch+json",
        "application/yaml",
        "x",
        "application/vnd.kubernetes.protobuf",
      ),
      body: fc.oneof(
        fc.string(),
        fc.json(),
        fc.constantFrom("[", "null", '{"metadata":null}', '{"metadata":{"name":5}}', '{"spec":[]}'),
      ),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, accept, type, body }) => {
        const headers = { accept, "content-type": type };
        const answer = await unixRequest(socket, `${path}${query}`, { method, headers, body });
        expect(answer.code).toBeGreaterThanOrEqual(200);
        expect(answer.code === 500 ? answer.text : "").toBe("");
      }),
      { numRuns: 400 },
    );
    await alive();
  });

  it("refuses objects with random fields without failing itself", async () => {
    const kinds = [
      ["/api/v1/namespaces/default/services", "Service", "v1"],
      ["/api/v1/namespaces/default/pods", "Pod", "v1"],
      ["/apis/apps/v1/namespaces/default/deployments", "Deployment", "apps/v1"],
      ["/apis/networking.k8s.io/v1/namespaces/default/ingresses", "Ingress", "networking.k8s.io/v1"],
      ["/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "EndpointSlice", "discovery.k8s.io/v1"],
    ] as const;
    const leaf = fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.constant("10.96.0.1"),
    );
    const key = fc.constantFrom(
      "ports",
      "port",
      "nodePort",
      "clusterIP",
      "clusterIPs",
      "type",
      "selector",
      "template",
      "metadata",
      "spec",
      "containers",
      "name",
      "rules",
      "http",
      "paths",
      "ipFamilies",
      "matchLabels",
      "replicas",
      "endpoints",
      "addresses",
    );
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie("value"), { maxLength: 3 }),
        fc.dictionary(key, tie("value"), { maxKeys: 4 }),
      ),
    }));
    const spec = fc.dictionary(key, value, { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), spec, async ([path, kind, apiVersion], fields) => {
        const body = { kind, apiVersion, metadata: { generateName: "x-" }, spec: fields, ...fields };
        const { code, text } = await unixRequest(socket, path, { method: "POST", body });
        expect(code === 201 || code === 400 || code === 422 ? "refused or stored" : text).toBe("refused or stored");
      }),
      { numRuns: 300 },
    );
    await alive();
  });

  it("survives deep nesting and odd protobuf", async () => {
    const deep = "[".repeat(500_000);
    const path = "/api/v1/namespaces/default/configmaps";
    expect((await unixRequest(socket, path, { method: "POST", body: deep })).code).toBe(400);
    const nested = `{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}}`;
    expect((await unixRequest(socket, path, { method: "POST", body: nested })).code).toBe(400);
    const headers = { "content-type": "application/vnd.kubernetes.protobuf" };
    for (let i = 0; i < 100; i++) {
      const body = Buffer.concat([Buffer.from("k8s\0"), randomBytes(40)]);
      expect([400, 415]).toContain((await unixRequest(socket, path, { method: "POST", headers, body })).code);
    }
    await alive();
  });
});
