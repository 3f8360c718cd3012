import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findKubectls } from "../kubectls.ts";
import { KubectlSession } from "./kubectl-session.ts";
import { example, Sealane } from "./sealane.ts";

const sealane = new Sealane();
const home = mkdtempSync(join(tmpdir(), "sealane-kubectl-"));
let kubeconfig = "";

beforeAll(async () => {
  expect(await sealane.run("up", "-d", "-f", example("tour"))).toMatchObject({ code: 0 });
  kubeconfig = (await sealane.run("kubeconfig")).stdout.trim();
});
afterAll(async () => {
  await sealane.cleanUp();
  rmSync(home, { recursive: true, force: true });
});

function service(spec: string, name = "bad"): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

// The words are the server's; the oldest and the newest kubectl show that both pass them on.
describe.each(findKubectls().filter((_one, index, all) => index === 0 || index === all.length - 1))(
  "kubectl $label",
  ({ label, path }) => {
    const namespace = `k-${label.replaceAll(".", "-")}`;
    let kubectl: KubectlSession;
    let before = "";
    beforeAll(async () => {
      kubectl = new KubectlSession(path, kubeconfig, namespace, home);
      await kubectl.run("create", "namespace", namespace);
      await kubectl.feed(service("{ports: [{port: 80}]}", "good"), "create", "-f", "-");
      await kubectl.untilValue("cm/kube-root-ca.crt", "{.metadata.name}", "kube-root-ca.crt");
      before = await everything();
    });
    const everything = () => kubectl.run("get", "svc,ep,cm,pods,deploy", "--all-namespaces", "-o", "yaml");

    it.each([
      ["a wrong type", service('{ports: [{port: "eighty"}]}'), "cannot unmarshal string into Go struct field"],
      ["a port out of range", service("{ports: [{port: 70000}]}"), "must be between 1 and 65535, inclusive"],
      ["no ports", service("{}"), "spec.ports: Required value"],
      [
        "a node port that is taken",
        service("{type: NodePort, ports: [{port: 80, nodePort: 30080}]}"),
        "Invalid value: 30080: provided port is already allocated",
      ],
      [
        "a node port out of range",
        service("{type: NodePort, ports: [{port: 80, nodePort: 80}]}"),
        "The range of valid ports is 30000-32767",
      ],
      [
        "a cluster IP outside the range",
        service("{clusterIP: 10.1.1.1, ports: [{port: 80}]}"),
        "is not in the valid range",
      ],
      [
        "a cluster IP that is taken",
        service("{clusterIP: 10.96.0.1, ports: [{port: 80}]}"),
        "provided IP is already allocated",
      ],
      ["a name with capitals", service("{ports: [{port: 80}]}", "Bad"), 'Invalid value: "Bad": a '],
      [
        "a namespace that is not there",
        service("{ports: [{port: 80}]}", "bad, namespace: nope"),
        'namespaces "nope" not found',
      ],
      [
        "an unknown kind",
        "apiVersion: v1\nkind: Servce\nmetadata: {name: x}\n",
        'no matches for kind "Servce" in version "v1"',
      ],
    ])("is told of %s", async (_what, manifest, message) => {
      const missing = manifest.includes("nope") ? ["-n", "nope"] : [];
      const { code, stderr } = await kubectl.runWith(manifest, ["apply", "-f", "-", ...missing]);
      expect(stderr).toContain(message);
      expect(code).toBe(1);
      expect(await everything()).toBe(before);
    });

    it("is told of an unknown field", async () => {
      const { code, stderr } = await kubectl.runWith(service("{ports: [{port: 80}], prots: []}"), [
        "create",
        "-f",
        "-",
      ]);
      // The old one leaves strictness to the server's default, which is to warn.
      expect(stderr).toContain('unknown field "spec.prots"');
      expect(code).toBe(label === "1.20" ? 0 : 1);
      await kubectl.run("delete", "svc", "bad", "--ignore-not-found");
    });

    it("is told of a change that is not allowed", async () => {
      const moved = await kubectl.try("patch", "svc", "good", "-p", '{"spec":{"clusterIP":"10.96.9.9"}}');
      expect(moved.stderr).toContain("may not change once set");
      const typed = await kubectl.try("patch", "svc", "good", "-p", '{"spec":{"type":"Unknown"}}');
      expect(typed.stderr).toContain('Unsupported value: "Unknown"');
      expect(await everything()).toBe(before);
    });

    it.each([
      [["get", "svc", "nope"], 'services "nope" not found'],
      [["get", "foos"], `the server doesn't have a resource type "foos"`],
      [["create", "namespace", "default"], 'namespaces "default" already exists'],
      [["delete", "namespace", "default"], 'namespaces "default" is forbidden: this namespace may not be deleted'],
      [
        ["patch", "svc", "good", "--type=json", "-p", '[{"op":"remove","path":"/spec/nope"}]'],
        "The request is invalid",
      ],
      [["label", "svc", "good", "a=b c"], "a valid label must be"],
    ])("is told what is wrong with %j", async (args, message) => {
      const { code, stderr } = await kubectl.try(...args);
      expect(stderr).toContain(message);
      expect(code).toBe(1);
    });
  },
);
