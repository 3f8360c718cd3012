import { spawn } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKubectls } from "../kubectls.ts";
import { Sealane } from "./sealane.ts";
import type { Finished } from "./sealane.ts";

const kubectls = findKubectls();
let sealane: Sealane;
let kubeconfig = "";

beforeAll(async () => {
  sealane = new Sealane();
  expect(await sealane.run("up", "-d")).toMatchObject({ code: 0 });
  kubeconfig = (await sealane.run("kubeconfig")).stdout.trim();
});
afterAll(() => sealane.cleanUp());

/** One kubectl that works in a namespace of its own. */
class Session {
  readonly #program: string;
  readonly #namespace: string;

  constructor(program: string, namespace: string) {
    this.#program = program;
    this.#namespace = namespace;
  }

  /** Runs a command that must succeed; gives what it printed. */
  async ok(command: string, input = ""): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, input);
    expect({ command, code, stderr: code === 0 ? "" : stderr }).toEqual({ command, code: 0, stderr: "" });
    return stdout;
  }

  run(command: string, input = ""): Promise<Finished> {
    const child = this.#spawn(command);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.end(input);
    return new Promise((resolve) => void child.once("close", (code) => resolve({ code, stdout, stderr })));
  }

  /** Starts a command that follows changes; resolves once its output has `text`, and ends it. */
  watch(command: string, text: string): { readonly seen: Promise<string> } {
    const child = this.#spawn(command);
    child.stdin.end();
    let output = "";
    const seen = new Promise<string>((resolve, reject) => {
      child.stdout.on("data", (chunk: Buffer) => {
        output += chunk.toString();
        if (!output.includes(text)) return;
        resolve(output);
        child.kill("SIGKILL");
      });
      child.once("close", () => reject(new Error(`${command} ended without ${text}: ${output}`)));
    });
    return { seen };
  }

  #spawn(command: string) {
    const words = [...command.matchAll(/'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2] ?? "");
    const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: sealane.directory };
    return spawn(this.#program, ["-n", this.#namespace, ...words], { env, stdio: ["pipe", "pipe", "pipe"] });
  }
}

function manifest(replicas: number, servicePort: number): string {
  return `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.27", ports: [{name: http, containerPort: 80}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: ${servicePort}, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {defaultBackend: {service: {name: web, port: {name: http}}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: once, image: busybox}]}}}
`;
}

describe.skipIf(kubectls.length === 0)("kubectl", () => {
  it.each(kubectls)("$label works through a day", async ({ label, path }) => {
    const namespace = `day-${label.replace(".", "-")}`;
    const kubectl = new Session(path, namespace);
    await kubectl.ok(`create namespace ${namespace}`);

    // Apply, and apply again: kubectl makes the three-way patch itself.
    expect(await kubectl.ok("apply -f -", manifest(2, 80))).toContain("deployment.apps/web created");
    await kubectl.ok("rollout status deployment/web --timeout=20s");
    expect(await kubectl.ok("apply -f -", manifest(2, 80))).toContain("service/web unchanged");
    expect(await kubectl.ok("apply -f -", manifest(2, 8080))).toContain("service/web configured");
    expect(await kubectl.ok("get service web -o jsonpath={.spec.ports[*].port}")).toBe("8080");

    // Look.
    const kinds = "deployments,replicasets,pods,services,endpoints,endpointslices,ingresses,jobs,nodes,namespaces";
    const table = await kubectl.ok(`get ${kinds} -o wide`);
    expect(table).toMatch(/^service\/web +ClusterIP +10\.96\.\S+ +<none> +8080\/TCP +\S+ +app=web$/m);
    expect(table).toMatch(/^pod\/web-\S+ +1\/1 +Running +0 +\S+ +10\.244\.\S+ +node-[123] /m);
    expect(await kubectl.ok("get all")).toContain("deployment.apps/web");
    expect(await kubectl.ok("describe service web")).toMatch(/^Endpoints: +10\.244\.\S+:80,10\.244\.\S+:80$/m);
    expect(await kubectl.ok("describe deployment web")).toMatch(/Normal +ScalingReplicaSet/);
    expect(await kubectl.ok("describe pod -l app=web")).toContain("nginx:1.27");

    // Change.
    const watch = kubectl.watch("get pods -l app=web -w", "Terminating");
    await kubectl.ok("expose deployment web --name=exposed --port=80");
    await kubectl.ok("scale deployment web --replicas=3");
    await kubectl.ok("rollout status deployment/web --timeout=20s");
    await kubectl.ok("rollout restart deployment/web");
    await kubectl.ok("rollout status deployment/web --timeout=20s");
    await watch.seen;
    await kubectl.ok("label service exposed tier=front");
    expect(await kubectl.ok("get services -l tier=front -o name")).toBe("service/exposed\n");
    await kubectl.ok(`patch service exposed -p '{"spec":{"ports":[{"port":80,"name":"http"}]}}'`);
    await kubectl.ok(`patch service exposed --type=merge -p '{"metadata":{"labels":{"tier":null}}}'`);
    await kubectl.ok(
      `patch service exposed --type=json -p '[{"op":"replace","path":"/spec/ports/0/targetPort","value":80}]'`,
    );
    expect(await kubectl.ok("get endpoints exposed -o jsonpath={.subsets[0].ports[0].name}")).toBe("http");

    // Bad input: refused in the server's words, and what was there stays.
    const bad = await kubectl.run("apply -f -", manifest(2, 70_000));
    expect(bad.code).toBe(1);
    expect(bad.stderr).toContain("must be between 1 and 65535, inclusive");
    expect(await kubectl.ok("get service web -o jsonpath={.spec.ports[*].port}")).toBe("8080");
    const logs = await kubectl.run("logs deployment/web");
    expect(logs.code).toBe(1);
    expect(logs.stderr).toContain("Sealane has no logs");

    await kubectl.ok("delete -f -", manifest(2, 8080));
    await kubectl.ok(`delete namespace ${namespace}`);
    expect((await kubectl.run(`get namespace ${namespace}`)).stderr).toContain("NotFound");
  });
});
