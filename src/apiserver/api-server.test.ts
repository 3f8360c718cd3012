import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { seededRandom } from "../core/index.ts";
import { unixLines, unixRequest } from "../../test/support/unix-http.ts";
import type { Call } from "../../test/support/unix-http.ts";
import { createApiServer } from "./index.ts";
import type { ApiServer } from "./index.ts";

let folder: string;
let server: ApiServer;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sealane-api-"));
  server = await createApiServer({ random: seededRandom(1), endpoint: { address: "192.168.100.1", port: 6443 } });
  await server.listenUnix(join(folder, "api.sock"));
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const call = (path: string, options?: Call) => unixRequest(join(folder, "api.sock"), path, options);
const post = (path: string, body: unknown) => call(path, { method: "POST", body });
const remove = (path: string, body?: unknown) => call(path, { method: "DELETE", body });
const patch = (path: string, type: string, body: unknown) =>
  call(path, { method: "PATCH", body, headers: { "content-type": `application/${type}+json` } });

const services = "/api/v1/namespaces/default/services";
const configMaps = "/api/v1/namespaces/default/configmaps";
const service = (name: string, spec: object = {}) => ({
  kind: "Service",
  apiVersion: "v1",
  metadata: { name },
  spec: { ports: [{ port: 80 }], selector: { app: "x" }, ...spec },
});
const configMap = (name: string, more: object = {}) => ({
  kind: "ConfigMap",
  apiVersion: "v1",
  metadata: { name, ...more },
});

/** The refusal of a request in one line. */
const refusal = async (answer: ReturnType<typeof call>) => {
  const { code, body } = await answer;
  return `${code} ${String(body["reason"])}: ${String(body["message"])}`;
};

describe("createApiServer()", () => {
  it("listens on a unix socket that only its owner may open", () => {
    expect(statSync(join(folder, "api.sock")).mode & 0o777).toBe(0o600);
  });

  it("brings the objects that every cluster has", async () => {
    const { body } = await call("/api/v1/namespaces");
    const names = (body["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    expect(names).toEqual(["default", "kube-node-lease", "kube-public", "kube-system"]);
    expect((await call(`${services}/kubernetes`)).body).toMatchObject({ spec: { clusterIP: "10.96.0.1" } });
    expect((await call("/apis/networking.k8s.io/v1/ipaddresses/10.96.0.1")).code).toBe(200);
    expect((await call("/apis/networking.k8s.io/v1/servicecidrs/kubernetes")).body).toMatchObject({
      status: { conditions: [{ type: "Ready", status: "True" }] },
    });
    const slices = await call("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes");
    expect(slices.body).toMatchObject({ endpoints: [{ addresses: ["192.168.100.1"] }], ports: [{ port: 6443 }] });
  });
});

describe("errors over HTTP", () => {
  it.each<readonly [string, () => ReturnType<typeof call>, string]>([
    ["a missing object", () => call(`${services}/x`), '404 NotFound: services "x" not found'],
    [
      "a missing object of a group",
      () => call("/apis/apps/v1/namespaces/default/deployments/x"),
      '404 NotFound: deployments.apps "x" not found',
    ],
    [
      "a missing namespace",
      () => post("/api/v1/namespaces/none/services", service("x")),
      '404 NotFound: namespaces "none" not found',
    ],
    [
      "a name that is taken",
      () => post(services, service("kubernetes")),
      '409 AlreadyExists: services "kubernetes" already exists',
    ],
    [
      "no name",
      () => post(configMaps, { kind: "ConfigMap", apiVersion: "v1" }),
      '422 Invalid: ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    [
      "a port out of range",
      () => post(services, service("x", { ports: [{ port: 70000, targetPort: 80 }] })),
      '422 Invalid: Service "x" is invalid: spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive',
    ],
    [
      "an unknown field",
      () => post(`${services}?fieldValidation=Strict`, service("x", { prots: 1 })),
      '400 BadRequest: Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.prots"',
    ],
    [
      "a wrong type",
      () => post(services, service("x", { ports: [{ port: "80" }] })),
      '400 BadRequest: Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
    ],
    [
      "a repeated field",
      () =>
        post(
          `${configMaps}?fieldValidation=Strict`,
          '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"x"},"data":{"a":"1","a":"2"}}',
        ),
      '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data.a"',
    ],
    [
      "another namespace in the object",
      () => post(configMaps, configMap("x", { namespace: "other" })),
      "400 BadRequest: the namespace of the provided object does not match the namespace sent on the request",
    ],
    [
      "an unknown resource",
      () => call("/api/v1/namespaces/default/things"),
      "404 NotFound: the server could not find the requested resource",
    ],
    [
      "a method that makes no sense",
      () => call(services, { method: "PATCH" }),
      "405 MethodNotAllowed: the server does not allow this method on the requested resource",
    ],
    [
      "server-side apply",
      () => patch(`${services}/kubernetes`, "apply-patch", {}).then((answer) => answer),
      "415 UnsupportedMediaType: Sealane has no server-side apply yet: use kubectl apply without --server-side",
    ],
    [
      "logs",
      () => call("/api/v1/namespaces/default/pods/x/log"),
      "501 NotImplemented: Sealane has no logs for stand-ins yet; what a stand-in saw is in its answers (sealane exec client -- curl ...)",
    ],
    [
      "a namespace that must stay",
      () => remove("/api/v1/namespaces/default"),
      '403 Forbidden: namespaces "default" is forbidden: this namespace may not be deleted',
    ],
  ])("answers %s as upstream does", async (_what, request, expected) => {
    expect(await refusal(request())).toBe(expected);
  });

  it("says 400 for a body that is no JSON, and 413 for one that is too large", async () => {
    expect((await call(services, { method: "POST", body: "{" })).code).toBe(400);
    expect((await call(services, { method: "POST", body: "x".repeat(4 * 1024 * 1024) })).code).toBe(413);
    expect((await call(services, { method: "POST", body: "x", headers: { "content-type": "text/x" } })).code).toBe(415);
  });

  it("lists every cause of an Invalid", async () => {
    const { body } = await post(services, service("x", { ports: [{ port: 0 }, { port: 80 }] }));
    const { causes } = body["details"] as { causes: { field: string }[] };
    expect(causes.length).toBeGreaterThan(2);
    expect(String(body["message"])).toMatch(/^Service "x" is invalid: \[spec\.ports/);
  });
});

describe("writes over HTTP", () => {
  it("creates, names, and numbers", async () => {
    const { code, body } = await post(configMaps, configMap("", { generateName: "made-" }));
    const metadata = body["metadata"] as Record<string, string>;
    expect(code).toBe(201);
    expect(metadata["name"]).toMatch(/^made-[a-z0-9]{5}$/);
    expect(metadata["uid"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata["creationTimestamp"]).toMatch(/^\d{4}-.*Z$/);
    expect(metadata["resourceVersion"]).toMatch(/^\d+$/);
  });

  it("refuses an update based on an old version, and takes one without a version", async () => {
    const { body: created } = await post(configMaps, configMap("contested"));
    const put = (body: unknown) => call(`${configMaps}/contested`, { method: "PUT", body });
    expect((await put({ ...created, data: { a: "1" } })).code).toBe(200);
    expect(await refusal(put({ ...created, data: { a: "2" } }))).toBe(
      '409 Conflict: Operation cannot be fulfilled on configmaps "contested": the object has been modified; please apply your changes to the latest version and try again',
    );
    expect((await put(configMap("contested"))).body).not.toHaveProperty("data");
    expect((await call(`${configMaps}/put-new`, { method: "PUT", body: configMap("put-new") })).code).toBe(201);
  });

  it("keeps the version when nothing changes", async () => {
    const { body: created } = await post(configMaps, configMap("same"));
    const { body: again } = await call(`${configMaps}/same`, { method: "PUT", body: configMap("same") });
    expect(again).toEqual(created);
  });

  it("patches in three ways", async () => {
    await post(services, service("patched", { ports: [{ name: "a", port: 80 }] }));
    const path = `${services}/patched`;
    await patch(path, "merge-patch", { metadata: { labels: { a: "1", b: "2" } } });
    await patch(path, "merge-patch", { metadata: { labels: { a: null } } });
    await patch(path, "strategic-merge-patch", { spec: { ports: [{ name: "b", port: 81 }] } });
    const { body } = await patch(path, "json-patch", [{ op: "replace", path: "/spec/ports/0/name", value: "c" }]);
    expect(body).toMatchObject({ metadata: { labels: { b: "2" } } });
    const names = (body["spec"] as { ports: { name: string }[] }).ports.map(({ name }) => name);
    expect(names.sort()).toEqual(["b", "c"]);
    expect((await patch(path, "json-patch", [{ op: "test", path: "/spec/type", value: "x" }])).code).toBe(422);
    expect((await patch(path, "merge-patch", "{")).code).toBe(400);
  });

  it("raises the generation for changes of the spec only", async () => {
    const path = "/apis/apps/v1/namespaces/default/deployments";
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const spec = { selector: { matchLabels: { a: "b" } }, template };
    const generation = ({ body }: { body: Readonly<Record<string, unknown>> }) =>
      (body["metadata"] as { generation: number }).generation;
    const deployment = { kind: "Deployment", apiVersion: "apps/v1", metadata: { name: "d" }, spec };
    expect(generation(await post(path, deployment))).toBe(1);
    expect(generation(await patch(`${path}/d`, "merge-patch", { metadata: { labels: { x: "y" } } }))).toBe(1);
    expect(generation(await patch(`${path}/d`, "merge-patch", { spec: { paused: true } }))).toBe(2);
    const status = await patch(`${path}/d/status`, "merge-patch", { status: { replicas: 3 }, spec: { replicas: 9 } });
    expect(status.body).toMatchObject({ status: { replicas: 3 }, spec: { replicas: 1 }, metadata: { generation: 2 } });
    const scale = await patch(`${path}/d/scale`, "merge-patch", { spec: { replicas: 5 } });
    expect(scale.body).toMatchObject({
      kind: "Scale",
      spec: { replicas: 5 },
      status: { replicas: 3, selector: "a=b" },
    });
    expect(generation(await call(`${path}/d`))).toBe(3);
    const negative = patch(`${path}/d/scale`, "merge-patch", { spec: { replicas: -1 } });
    expect((await negative).code).toBe(422);
  });

  it("stores nothing on a dry run, and gives nothing away", async () => {
    const { code, body } = await post(`${services}?dryRun=All`, service("dry", { type: "NodePort" }));
    expect(code).toBe(201);
    const { ports, clusterIP } = body["spec"] as { ports: { nodePort: number }[]; clusterIP: string };
    expect((await call(`${services}/dry`)).code).toBe(404);
    const taken = { type: "NodePort", clusterIP, ports: [{ port: 80, nodePort: ports[0]?.nodePort }] };
    expect((await post(services, service("not-dry", taken))).code).toBe(201);
    expect((await remove(`${services}/not-dry?dryRun=All`)).code).toBe(200);
    expect((await call(`${services}/not-dry`)).code).toBe(200);
  });

  it("warns of fields it does not know and of kinds nothing acts on", async () => {
    const unknown = await post(configMaps, { ...configMap("warned"), dtaa: {} });
    expect(unknown.headers["warning"]).toBe('299 - "unknown field \\"dtaa\\""');
    const role = {
      kind: "ClusterRole",
      apiVersion: "rbac.authorization.k8s.io/v1",
      metadata: { name: "r" },
      rules: [],
    };
    const stored = await post("/apis/rbac.authorization.k8s.io/v1/clusterroles", role);
    expect(stored.headers["warning"]).toContain("nothing in Sealane acts on them");
    const ignored = await post(`${configMaps}?fieldValidation=Ignore`, { ...configMap("ignored"), dtaa: {} });
    expect(ignored.headers["warning"]).toBeUndefined();
  });

  it("reads YAML", async () => {
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-yaml}\ndata: {a: '1'}\n";
    const headers = { "content-type": "application/yaml" };
    expect((await call(configMaps, { method: "POST", body, headers })).body).toMatchObject({ data: { a: "1" } });
    expect((await call(configMaps, { method: "POST", body: "a: {", headers })).code).toBe(400);
  });
});

describe("deletions over HTTP", () => {
  it("answers with a Status, or with the object where upstream does", async () => {
    await post(configMaps, configMap("gone"));
    expect((await remove(`${configMaps}/gone`)).body).toMatchObject({ kind: "Status", status: "Success" });
    await post(services, service("gone"));
    expect((await remove(`${services}/gone`)).body).toMatchObject({ kind: "Service" });
    expect((await remove(`${services}/gone`)).code).toBe(404);
  });

  it("checks preconditions", async () => {
    await post(configMaps, configMap("guarded"));
    const wrong = { kind: "DeleteOptions", apiVersion: "v1", preconditions: { uid: "other" } };
    expect(await refusal(remove(`${configMaps}/guarded`, wrong))).toContain(
      "409 Conflict: Operation cannot be fulfilled",
    );
    expect((await call(`${configMaps}/guarded`)).code).toBe(200);
  });

  it("waits for finalizers, and for those of the propagation policy", async () => {
    await post(configMaps, configMap("held", { finalizers: ["example.com/hold"] }));
    const policy = { propagationPolicy: "Foreground" };
    const { body } = await remove(`${configMaps}/held`, { kind: "DeleteOptions", apiVersion: "v1", ...policy });
    const metadata = body["metadata"] as { finalizers: string[]; deletionTimestamp: string };
    expect(metadata.finalizers).toEqual(["example.com/hold", "foregroundDeletion"]);
    expect(metadata.deletionTimestamp).toMatch(/Z$/);
    await patch(`${configMaps}/held`, "merge-patch", { metadata: { finalizers: ["foregroundDeletion"] } });
    expect((await call(`${configMaps}/held`)).code).toBe(200);
    await patch(`${configMaps}/held`, "merge-patch", { metadata: { finalizers: null } });
    expect((await call(`${configMaps}/held`)).code).toBe(404);
  });

  it("keeps a pod on a node until its agent deletes it finally", async () => {
    const pods = "/api/v1/namespaces/default/pods";
    const pod = (name: string) => ({
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name },
      spec: { containers: [{ name: "c", image: "i" }] },
    });
    await post(pods, pod("waiting"));
    await remove(`${pods}/waiting`);
    expect((await call(`${pods}/waiting`)).code).toBe(404);
    await post(pods, pod("placed"));
    const binding = { kind: "Binding", apiVersion: "v1", metadata: { name: "placed" }, target: { name: "node-1" } };
    expect((await post(`${pods}/placed/binding`, binding)).code).toBe(201);
    expect((await post(`${pods}/placed/binding`, binding)).code).toBe(409);
    const first = await remove(`${pods}/placed`);
    expect(first.body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 30 } });
    await remove(`${pods}/placed?gracePeriodSeconds=5`);
    const { body } = await remove(`${pods}/placed`);
    expect(body).toMatchObject({ metadata: { deletionGracePeriodSeconds: 5 } });
    await remove(`${pods}/placed?gracePeriodSeconds=0`);
    expect((await call(`${pods}/placed`)).code).toBe(404);
  });

  it("empties a namespace before it goes", async () => {
    await post("/api/v1/namespaces", { kind: "Namespace", apiVersion: "v1", metadata: { name: "leaving" } });
    const { body } = await remove("/api/v1/namespaces/leaving");
    expect(body).toMatchObject({ status: { phase: "Terminating" }, spec: { finalizers: ["kubernetes"] } });
    expect(await refusal(post("/api/v1/namespaces/leaving/configmaps", configMap("late")))).toBe(
      '403 Forbidden: configmaps "late" is forbidden: unable to create new content in namespace leaving because it is being terminated',
    );
    const finalized = { ...body, spec: { finalizers: [] } };
    await call("/api/v1/namespaces/leaving/finalize", { method: "PUT", body: finalized });
    expect((await call("/api/v1/namespaces/leaving")).code).toBe(404);
  });

  it("deletes what a selector chooses", async () => {
    for (const name of ["many-1", "many-2", "many-3"]) {
      await post(configMaps, configMap(name, { labels: { group: name === "many-3" ? "b" : "a" } }));
    }
    expect((await remove(`${configMaps}?labelSelector=group%3Da`)).body["items"]).toHaveLength(2);
    expect((await call(`${configMaps}/many-3`)).code).toBe(200);
  });
});

describe("lists and watches over HTTP", () => {
  it("pages through a list that changes meanwhile", async () => {
    await post("/api/v1/namespaces", { kind: "Namespace", apiVersion: "v1", metadata: { name: "paged" } });
    const path = "/api/v1/namespaces/paged/configmaps";
    for (const name of ["1", "2", "3"]) await post(path, configMap(name));
    const first = await call(`${path}?limit=2`);
    const token = (first.body["metadata"] as { continue: string }).continue;
    await remove(`${path}/3`);
    const second = await call(`${path}?limit=2&continue=${encodeURIComponent(token)}`);
    expect((second.body["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name)).toEqual([
      "3",
    ]);
    expect((second.body["metadata"] as { continue?: string }).continue).toBeUndefined();
    expect((await call(`${path}?continue=nonsense`)).code).toBe(400);
  });

  it("selects by labels and fields", async () => {
    await post(services, service("selected", { type: "NodePort" }));
    const names = async (query: string) => {
      const { body } = await call(`${services}?${query}`);
      return (body["items"] as { metadata: { name: string } }[]).map(({ metadata }) => metadata.name);
    };
    expect(await names("fieldSelector=metadata.name%3Dselected")).toEqual(["selected"]);
    expect(await names("fieldSelector=spec.type%3DNodePort,metadata.name%3Dselected")).toEqual(["selected"]);
    expect(await names("labelSelector=provider%3Dkubernetes")).toEqual(["kubernetes"]);
    expect((await call(`${services}?fieldSelector=spec.color%3Dred`)).code).toBe(400);
    expect((await call(`${services}?labelSelector=a%3D%3D%3Db`)).code).toBe(400);
  });

  it("streams changes through a selector, after the initial events and their bookmark", async () => {
    await post(configMaps, configMap("seen", { labels: { watched: "yes" } }));
    const query = "watch=1&labelSelector=watched%3Dyes&sendInitialEvents=true&allowWatchBookmarks=true";
    const stream = await unixLines(join(folder, "api.sock"), `${configMaps}?${query}`);
    const [added, bookmark] = await stream.take(2);
    expect(added).toMatchObject({ type: "ADDED", object: { metadata: { name: "seen" } } });
    expect(bookmark).toMatchObject({
      type: "BOOKMARK",
      object: { kind: "ConfigMap", metadata: { annotations: { "k8s.io/initial-events-end": "true" } } },
    });
    await patch(`${configMaps}/seen`, "merge-patch", { data: { a: "1" } });
    await patch(`${configMaps}/seen`, "merge-patch", { metadata: { labels: null } });
    const events = await stream.take(2);
    expect(events.map(({ type }) => type)).toEqual(["MODIFIED", "DELETED"]);
    stream.close();
  });

  it("ends a watch when its time is over, and tells of forgotten versions", async () => {
    const short = await unixLines(join(folder, "api.sock"), `${configMaps}?watch=1&resourceVersion=0&timeoutSeconds=1`);
    const events = await short.take(1_000_000);
    expect(events.every(({ type }) => type === "ADDED")).toBe(true);
    const old = await unixLines(join(folder, "api.sock"), `${configMaps}?watch=true&resourceVersion=99999999`);
    const [event] = await old.take(2);
    expect(event).toMatchObject({ type: "ERROR", object: { code: 410, reason: "Expired" } });
  });

  it("prints tables for lists, objects and watches", async () => {
    const headers = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };
    const { body } = await call(`${services}/kubernetes`, { headers });
    expect(body).toMatchObject({
      kind: "Table",
      apiVersion: "meta.k8s.io/v1",
      rows: [{ cells: ["kubernetes", "ClusterIP", "10.96.0.1", "<none>", "443/TCP", expect.anything(), "<none>"] }],
    });
    expect(body["rows"]).toMatchObject([
      { object: { kind: "PartialObjectMetadata", metadata: { name: "kubernetes" } } },
    ]);
    const whole = await call(`${services}?includeObject=Object`, { headers });
    expect((whole.body["rows"] as { object: { kind: string } }[])[0]?.object.kind).toBe("Service");
    const stream = await unixLines(join(folder, "api.sock"), `${services}?watch=1&resourceVersion=0`, { headers });
    const [first, second] = await stream.take(2);
    expect(first).toMatchObject({ object: { kind: "Table", columnDefinitions: expect.any(Array) } });
    expect(second).toMatchObject({ object: { kind: "Table", columnDefinitions: null } });
    stream.close();
  });
});
