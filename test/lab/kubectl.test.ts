import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKubectls } from "../kubectls.ts";
import { KubectlSession } from "./kubectl-session.ts";
import { example, Sealane, until } from "./sealane.ts";

const sealane = new Sealane();
const home = mkdtempSync(join(tmpdir(), "sealane-kubectl-"));
const kubectls = findKubectls();
const tour = readFileSync(example("tour"), "utf8");
/** The tour without the things of which a cluster has only one, in a namespace of one's own. */
const ownTour = (namespace: string) =>
  tour
    .replaceAll("nodePort: 30080", "")
    .replaceAll("externalIPs: [192.168.100.60]", "")
    .replaceAll(": tour\n", `: ${namespace}\n`);
let kubeconfig = "";

beforeAll(async () => {
  expect(await sealane.run("up", "-d", "-f", example("tour"))).toMatchObject({ code: 0 });
  kubeconfig = (await sealane.run("kubeconfig")).stdout.trim();
});
afterAll(async () => {
  await sealane.cleanUp();
  rmSync(home, { recursive: true, force: true });
});

it("finds a kubectl to try", () => expect(kubectls).not.toEqual([]));

/** All of it with the oldest and the usual kubectl; those between show that they work at all. */
const thorough = [kubectls[0], kubectls.at(-1)];

describe.each(kubectls)("kubectl $label", ({ label, path }) => {
  const namespace = `k-${label.replaceAll(".", "-")}`;
  const old = label === "1.20";
  let kubectl: KubectlSession;
  /** The body of a stand-in's answer to a client at a place. */
  const answer = async (place: string, url: string) => {
    const from = place === "client" ? [place] : [place, "-n", namespace];
    return (await sealane.run("exec", ...from, "--", "curl", "-sm3", url)).stdout;
  };

  beforeAll(async () => {
    kubectl = new KubectlSession(path, kubeconfig, namespace, home);
    await kubectl.run("create", "namespace", namespace);
  });
  afterAll(async () => {
    kubectl.close();
    await kubectl.run("delete", "namespace", namespace, "--wait=false");
  });

  it("applies the tour, and changes nothing the second time", async () => {
    const created = await kubectl.feed(ownTour(namespace), "apply", "-f", "-");
    expect(created).toContain("deployment.apps/back-end created");
    expect(created).toContain("ingress.networking.k8s.io/front created");
    await kubectl.run("rollout", "status", "deployment/back-end", "--timeout=20s");
    await kubectl.run("rollout", "status", "statefulset/db", "--timeout=20s");
    const again = await kubectl.feed(ownTour(namespace), "apply", "-f", "-");
    for (const line of again.trim().split("\n").slice(1)) expect(line).toMatch(/ unchanged$/);
    // What `sealane up` applied counts as applied, too.
    const applied = (await kubectl.run("apply", "-f", example("tour"), "--namespace=tour")).trim();
    for (const line of applied.split("\n")) expect(line).toMatch(/ unchanged$/);
    expect(await answer("pod/multi-0", "http://sticky")).toContain(`namespace: ${namespace}`);
  });

  const itThoroughly = thorough.some((one) => one?.label === label) ? it : () => undefined;

  itThoroughly("shows every kind of the tour, in every form", async () => {
    const kinds = "deploy,rs,sts,svc,ep,endpointslices,pods,ing";
    const names = ["deployment.apps/back-end", "service/legacy-db", "pod/db-1", "ingress.networking.k8s.io/front"];
    for (const args of [[], ["-o", "wide"], ["-o", "name"]]) {
      const text = await kubectl.run("get", kinds, ...args);
      for (const name of names) expect(text).toContain(name);
    }
    expect(await kubectl.run("get", "svc", "db", "-o", "wide")).toMatch(
      /ClusterIP +None +<none> +5432\/TCP +\S+ +app=db/,
    );
    expect(await kubectl.run("get", "svc", "back-end", "-o", "yaml")).toContain("targetPort: 80");
    const list: unknown = JSON.parse(await kubectl.run("get", "svc", "-o", "json"));
    expect(list).toMatchObject({ kind: "List" });
    const ports = "jsonpath={range .spec.ports[*]}{.name}={.port}/{.protocol} {end}";
    expect(await kubectl.run("get", "svc", "multi", "-o", ports)).toBe("http=80/TCP dns=53/UDP ");
    expect(
      await kubectl.run("get", "pods", "-l", "app=db", "--field-selector", "status.phase=Running", "-o", "name"),
    ).toBe("pod/db-0\npod/db-1\n");
    expect(await kubectl.run("get", "nodes", "-o", "wide")).toMatch(
      /node-3 +Ready .*v1\.36\.\d+\+sealane +192\.168\.100\.13/,
    );
    expect(await kubectl.run("get", "pods", "--all-namespaces", "--sort-by", ".metadata.name")).toContain("multi-0");
    expect(await kubectl.run("get", "pods", "-o", "custom-columns=N:.metadata.name", "--no-headers")).toContain(
      "db-0\n",
    );
    expect(await kubectl.run("get", "all")).toContain("service/back-end");
  });

  it("watches", async () => {
    const seen = kubectl.watch("get", "service", "near", "-w", "-L", "watched");
    await until("the list has come", () => seen().includes("near"));
    await kubectl.run("label", "service", "near", "watched=yes");
    await until("the change has come", () => /near .* yes\n/.test(seen()));
  });

  it("describes", async () => {
    expect(await kubectl.run("describe", "svc", "multi")).toMatch(/Endpoints: +10\.244\.\d+\.\d+:5353\n/);
    expect(await kubectl.run("describe", "pod", "db-0")).toMatch(/Controlled By: +StatefulSet\/db/);
    expect(await kubectl.run("describe", "deploy", "back-end")).toContain(
      "3 desired | 3 updated | 3 total | 3 available",
    );
    expect(await kubectl.run("describe", "ingress", "front")).toMatch(/\/api +multi:http \(10\.244\.\d+\.\d+:8080\)/);
    expect(await kubectl.run("describe", "node", "node-1")).toMatch(/InternalIP: +192\.168\.100\.11/);
    expect(await kubectl.run("describe", "sts", "db")).toContain("2 desired");
    expect(await kubectl.run("describe", "cm", "kube-root-ca.crt")).toContain("ca.crt");
    // The old one asks for discovery.k8s.io/v1beta1, which v1.36 does not have.
    if (!old)
      expect(await kubectl.run("describe", "endpointslice", "legacy-api-1")).toMatch(/Addresses: +192\.168\.100\.50/);
  });

  itThoroughly("creates, exposes and scales, and traffic follows", async () => {
    await kubectl.run("create", "deployment", "hello", "--image=nginx", "--port=80", "--replicas=2");
    await kubectl.run("expose", "deployment", "hello", "--port=8080", "--target-port=80", "--type=LoadBalancer");
    await kubectl.run("rollout", "status", "deployment/hello", "--timeout=20s");
    await kubectl.run("wait", "--for=condition=Available", "deployment/hello", "--timeout=20s");
    await kubectl.untilValue("endpoints/hello", "{.subsets[0].addresses[1].targetRef.kind}", "Pod");
    expect(await answer("pod/multi-0", "http://hello:8080")).toContain("pod: hello-");
    const address = await kubectl.run("get", "svc", "hello", "-o", "jsonpath={.status.loadBalancer.ingress[0].ip}");
    expect(await answer("client", `http://${address}:8080`)).toContain("pod: hello-");
    await kubectl.run("scale", "deployment", "hello", "--replicas=1");
    await kubectl.untilValue("endpoints/hello", "{.subsets[0].addresses[1].targetRef.kind}", "");
    await kubectl.run("scale", "deployment", "hello", "--current-replicas=1", "--replicas=0");
    await kubectl.untilValue("endpoints/hello", "{.subsets}", "");
    // A pod that terminates still serves, and is used as long as there is no other.
    await kubectl.run("delete", "pods", "-l", "app=hello", "--wait", "--ignore-not-found");
    expect((await sealane.run("exec", "client", "--", "curl", "-sm3", `http://${address}:8080`)).code).toBe(7);
    await kubectl.run("scale", "deployment", "hello", "--replicas=2");
    await kubectl.run("run", "one", "--image=nginx", "--port=80", "--labels=app=one", "--expose");
    await kubectl.run("wait", "--for=condition=Ready", "pod/one", "--timeout=20s");
    await kubectl.untilValue("endpoints/one", "{.subsets[0].addresses[0].targetRef.name}", "one");
    expect(await answer("pod/multi-0", "http://one")).toContain("pod: one\n");
    await kubectl.run("create", "configmap", "settings", "--from-literal=a=b");
    await kubectl.run("create", "secret", "generic", "password", "--from-literal=a=b");
    await kubectl.run("create", "service", "clusterip", "made", "--tcp=5678:8080");
    await kubectl.run("create", "service", "externalname", "alias", "--external-name=db.example.com");
    expect(await kubectl.run("get", "svc", "made", "alias")).toMatch(/5678\/TCP[^]*db\.example\.com/);
  });

  itThoroughly("rolls out, back and forth", async () => {
    await kubectl.run("set", "image", "deployment/hello", "nginx=nginx:2");
    await kubectl.run("rollout", "status", "deployment/hello", "--timeout=20s");
    const history = await kubectl.run("rollout", "history", "deployment/hello");
    expect(history).toMatch(/^1 +<none>\n2 +<none>$/m);
    await kubectl.run("rollout", "undo", "deployment/hello");
    await kubectl.untilValue("deployment/hello", "{.spec.template.spec.containers[0].image}", "nginx");
    await kubectl.run("rollout", "restart", "deployment/hello");
    expect(await kubectl.run("rollout", "status", "deployment/hello", "--timeout=20s")).toContain(
      "successfully rolled out",
    );
    expect(await answer("pod/multi-0", "http://hello:8080")).toContain("pod: hello-");
  });

  itThoroughly("labels, annotates, patches, edits, sets", async () => {
    await kubectl.run("label", "svc", "hello", "tier=front");
    await kubectl.run("annotate", "svc", "hello", "note=seen");
    await kubectl.run("patch", "svc", "hello", "-p", '{"spec":{"ports":[{"port":8080,"name":"web"}]}}');
    await kubectl.run("patch", "svc", "hello", "--type=merge", "-p", '{"metadata":{"labels":{"merged":"yes"}}}');
    const operations = '[{"op":"replace","path":"/spec/ports/0/name","value":"http"}]';
    await kubectl.run("patch", "svc", "hello", "--type=json", "-p", operations);
    const edited = await kubectl.runWith("", ["edit", "svc", "hello"], { KUBE_EDITOR: "sed -i s/8080/8081/" });
    expect(edited).toMatchObject({ code: 0, stdout: expect.stringContaining("service/hello edited") as string });
    expect(await kubectl.run("get", "svc", "hello", "--show-labels")).toMatch(/8081:\d+\/TCP .*merged=yes,tier=front/);
    const port = "jsonpath={.metadata.annotations.note} {.spec.ports[*].name} {.spec.ports[*].targetPort}";
    expect(await kubectl.run("get", "svc", "hello", "-o", port)).toBe("seen http 80");
    expect(await answer("pod/multi-0", "http://hello:8081")).toContain("pod: hello-");
    await kubectl.run("set", "selector", "svc", "made", "app=one");
    const service = JSON.parse(await kubectl.run("get", "svc", "hello", "-o", "json")) as { metadata: object };
    const unsaved = JSON.stringify({ ...service, metadata: { ...service.metadata, resourceVersion: "1" } });
    const conflict = await kubectl.runWith(unsaved, ["replace", "-f", "-"]);
    expect(conflict.stderr).toContain("the object has been modified; please apply your changes to the latest version");
    const changed = await kubectl.runWith(ownTour(namespace).replace("maxSkew: 1", "maxSkew: 2"), ["diff", "-f", "-"]);
    expect(changed).toMatchObject({ code: 1, stdout: expect.stringMatching(/^\+ +maxSkew: 2$/m) as string });
  });

  itThoroughly("deletes by name, by file, by label, and waits", async () => {
    await kubectl.run("delete", "pod", "one", "--wait", "--grace-period=1");
    expect((await kubectl.try("get", "pod", "one")).stderr).toContain('pods "one" not found');
    await kubectl.run("delete", "deployment,service", "-l", "app=hello");
    expect(await kubectl.run("get", "svc", "-o", "name")).not.toContain("hello");
    const manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n";
    await kubectl.feed(manifest, "delete", "-f", "-");
    expect(await kubectl.run("get", "cm", "settings", "--ignore-not-found")).toBe("");
  });

  itThoroughly("cordons, shows events, and says what it cannot do yet", async () => {
    if (!old) await kubectl.run("cordon", "node-3", "--dry-run=server");
    expect(await kubectl.run("cordon", `node-${1 + (kubectls.findIndex((one) => one.label === label) % 3)}`)).toContain(
      "cordoned",
    );
    expect(await kubectl.run("get", "nodes")).toContain("SchedulingDisabled");
    await kubectl.run("uncordon", "node-1", "node-2", "node-3");
    expect(await kubectl.run("get", "nodes")).not.toContain("SchedulingDisabled");
    expect(await kubectl.run("get", "events")).toContain("Scaled up replica set");
    expect(await kubectl.run("auth", "can-i", "create", "services")).toBe("yes\n");
    expect((await kubectl.try("logs", "multi-0")).stderr).toContain("Sealane has no logs for stand-ins yet");
    expect((await kubectl.try("exec", "multi-0", "--", "ls")).stderr).toContain("use: sealane exec pod/NAME");
    expect((await kubectl.try("port-forward", "multi-0", "8080")).stderr).toContain("use: sealane forward");
    expect((await kubectl.try("top", "nodes")).stderr).toContain("Metrics API not available");
    expect(await kubectl.run("cluster-info")).toContain("127.0.0.1");
    expect(await kubectl.run("api-resources", "--api-group=discovery.k8s.io")).toContain("EndpointSlice");
  });
});
