import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Sealane } from "./sealane.ts";

let sealane: Sealane;
beforeEach(() => {
  sealane = new Sealane();
});
afterEach(() => sealane.cleanUp());

function service(spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: ${spec}\n`;
}

describe("sealane up", () => {
  it.each([
    ["an unknown field", service("{prots: []}"), 'unknown field "spec.prots"'],
    ["a wrong type", service('{ports: [{port: "eighty"}]}'), "cannot unmarshal string into Go struct field"],
    ["a port out of range", service("{ports: [{port: 70000}]}"), "must be between 1 and 65535, inclusive"],
    ["a duplicate key", service("{type: ClusterIP, type: NodePort}"), "Map keys must be unique"],
    [
      "a node port out of range",
      service("{type: NodePort, ports: [{port: 80, nodePort: 80}]}"),
      "provided port is not in the valid range",
    ],
    ["a cluster IP out of range", service("{clusterIP: 10.1.1.1, ports: [{port: 80}]}"), "is not in the valid range"],
    [
      "an unknown kind",
      "apiVersion: v1\nkind: Servce\nmetadata: {name: web}\n",
      'no matches for kind "Servce" in version "v1"',
    ],
    ["no YAML at all", "a: [b", "standard input:"],
  ])("refuses %s with the server's words, and leaves no lab", async (_what, manifest, message) => {
    const { code, stderr } = await sealane.runWith(manifest, "up", "-d", "-f", "-");
    expect(stderr).toContain(message);
    expect(code).toBe(1);
    expect(sealane.leftFiles()).toEqual([]);
  });

  it("refuses a --state that it cannot make, in one line", async () => {
    const { code, stderr } = await sealane.run("up", "--state", "/proc/sealane");
    expect(stderr).toBe(
      "sealane: Cannot open the state in /proc/sealane: ENOENT: no such file or directory, mkdir '/proc/sealane': give --state a directory that you may write to\n",
    );
    expect(code).toBe(1);
    expect(sealane.leftFiles()).toEqual([]);
  });

  it("says by name what is not ready, and fails after --timeout", async () => {
    const manifest = service("{selector: {app: nobody}, ports: [{port: 80}]}");
    const { code, stderr } = await sealane.runWith(manifest, "up", "-d", "--timeout", "1s", "-f", "-");
    expect(stderr).toContain("service/web in default: no pod matches its selector");
    expect(code).toBe(1);
  });

  it("refuses a name that is in use and a port that is in use, in one line", async () => {
    const listener = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => void listener.once("listening", resolve));
    const { port } = listener.address() as AddressInfo;
    const taken = await sealane.run("up", "-d", "--port", String(port));
    expect(taken.stderr).toBe(
      `sealane: Port ${port} of 127.0.0.1 is in use: choose another --port, or 0 for a free one\n`,
    );
    expect(taken.code).toBe(1);
    listener.close();
    expect((await sealane.run("up", "-d")).code).toBe(0);
    const again = await sealane.run("up", "-d");
    expect(again.stderr).toContain('A lab named default is running: stop it with "sealane down --name default"');
    expect(again.code).toBe(1);
  });

  it.each([
    [["up", "--nodes", "0"], "--nodes must be a number from 1 to", "up --help"],
    [["up", "--colour"], "Unknown option '--colour'", "up --help"],
    [["bench", "proxy", "1000x2", "--modes", "fast"], '"fast" is none of nftables, iptables-legacy', "bench --help"],
    [["bench", "proxy", "--mode", "nftables"], "Unknown option '--mode'", "bench --help"],
    [["bench", "proxy", "many"], 'A load is SERVICES or SERVICESxENDPOINTS, not "many"', "bench --help"],
    [["upp"], 'There is no command "upp"', "--help"],
    [["exec", "client"], "Say what to run", "exec --help"],
    [["forward", "web"], "svc/NAME", "forward --help"],
    [["node", "stop"], "Say what to do with which node", "node --help"],
    [["dns", "--colour"], "Unknown option '--colour'", "dns --help"],
    [["dns", "trace", "--colour"], "Unknown option '--colour'", "dns trace --help"],
  ])("answers %j with what is wrong and where help is", async (args, message, help) => {
    const { code, stderr } = await sealane.run(...args);
    expect(stderr).toContain(message);
    expect(stderr.endsWith(`\nTry "sealane ${help}".\n`)).toBe(true);
    expect(code).toBe(2);
  });

  it.each([["status"], ["down"], ["kubeconfig"], ["exec", "client", "--", "true"]])(
    "says that no lab runs: %s",
    async (...args) => {
      const { code, stderr } = await sealane.run(...args);
      expect(stderr).toBe('sealane: No lab named default is running; start one with "sealane up"\n');
      expect(code).toBe(1);
    },
  );
});
