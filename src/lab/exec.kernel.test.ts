import { execFileSync, spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { until } from "../../test/lab/own-namespaces.ts";
import { silentLogger } from "../core/index.ts";
import { applyLinkSteps } from "../kernel/index.ts";
import { execArgs, findNamespaceProblem, resolvePlace, startForward, unshareArgs } from "./index.ts";

const script = fileURLToPath(new URL("../../test/lab/bare-lab.mjs", import.meta.url));
const asRoot = process.getuid?.() === 0;
const hostLinks = () => execFileSync("ip", ["-br", "link"], { encoding: "utf8" });
// Other tests, which run at the same time, keep their namespaces below the folder for temporary files; a lab keeps its own in /run.
const hostMounts = () =>
  readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => !line.startsWith(`nsfs ${tmpdir()}/`));

describe("findNamespaceProblem()", () => {
  it("finds nothing in the way where kernel tests run", () => expect(findNamespaceProblem()).toBeUndefined());
});

// Root can make both kinds of lab; an ordinary user only the one with a user namespace.
describe.each(asRoot ? [false, true] : [true])("a lab with a user namespace: %s", (userNamespace) => {
  let supervisor: ChildProcess;
  let hostPid = 0;
  let linksBefore = "";
  const mountsBefore = hostMounts();

  beforeAll(async () => {
    // Under `unshare -Urn` the host's part is played by a namespace whose loopback is still down.
    applyLinkSteps([{ kind: "link", name: "lo", state: "up" }]);
    linksBefore = hostLinks();
    const args = unshareArgs([process.execPath, script], !userNamespace);
    supervisor = spawn("unshare", args, { stdio: ["ignore", "pipe", "ignore"] });
    if (supervisor.stdout === null) throw new Error("no output");
    const [line] = (await once(supervisor.stdout, "data")) as [Buffer];
    hostPid = Number(line.toString());
  });

  afterAll(async () => {
    if (supervisor.exitCode === null && supervisor.signalCode === null) {
      process.kill(hostPid, "SIGKILL");
      await once(supervisor, "exit");
    }
  });

  const run = async (place: string, ...command: readonly string[]) => {
    const where = await resolvePlace(
      place,
      "default",
      () => undefined,
      (path) => existsSync(`/proc/${hostPid}/root${path}`),
    );
    const args = execArgs({ hostPid, userNamespace, place: where, command, cwd: process.cwd() });
    const { status, stdout, stderr } = spawnSync(args[0] ?? "", args.slice(1), { encoding: "utf8", input: "in put" });
    return { status, stdout, stderr };
  };

  it("runs a command at a place, with its network, its names, the input and the exit code", async () => {
    const seen = await run(
      "client",
      "sh",
      "-c",
      "cat; echo; pwd; ip -br address show eth0; cat /etc/resolv.conf; exit 7",
    );
    expect(seen).toMatchObject({ status: 7, stderr: "" });
    expect(seen.stdout).toMatch(/^in put\n/);
    expect(seen.stdout).toContain(`\n${process.cwd()}\n`);
    expect(seen.stdout).toContain("192.168.100.10/24");
    expect(seen.stdout).toContain("nameserver 192.168.100.1\n");
    expect((await run("node/2", "hostname")).stdout).toBe("node-2\n");
    expect((await run("router", "cat", "/etc/hosts")).stdout).toContain("192.168.100.1\trouter");
    expect((await run("client", "no-such-program")).status).toBeGreaterThanOrEqual(126);
  });

  it("keeps arguments as they are", async () => {
    const seen = await run("client", "printf", "%s|", "a b", "$HOME", "'", "");
    expect(seen.stdout).toBe("a b|$HOME|'||");
  });

  it("reaches the machines of the LAN", async () => {
    expect((await run("client", "curl", "-sm2", "http://192.168.100.50:81/")).stdout).toContain("host: db.example.com");
    expect((await run("router", "ping", "-c1", "-W1", "192.168.100.12")).status).toBe(0);
  });

  it("forwards a port of the host to a place in the lab", async () => {
    let port = 99;
    const forward = await startForward({
      relay: `/proc/${hostPid}/root/run/sealane/relay.sock`,
      target: () => ({ from: "/run/netns/client", host: "192.168.100.50", port }),
      port: 0,
      log: silentLogger,
    });
    const url = `http://127.0.0.1:${forward.port}/?format=json`;
    expect(await (await fetch(url)).json()).toMatchObject({ port: 99, clientAddress: "192.168.100.10" });
    port = 0;
    await expect(fetch(url, { headers: { connection: "close" } }).then((r) => r.text())).rejects.toThrow(
      "fetch failed",
    );
    await expect(
      startForward({ relay: "", target: () => Promise.reject(new Error("no")), port: forward.port, log: silentLogger }),
    ).rejects.toThrow(`Port ${forward.port} of 127.0.0.1 is in use`);
    forward.close();
  });

  it("leaves nothing on the host when it is killed", async () => {
    expect(hostLinks()).toBe(linksBefore);
    expect(hostMounts()).toEqual(mountsBefore);
    const namespace = readlinkSync(`/proc/${hostPid}/ns/net`);
    process.kill(hostPid, "SIGKILL");
    await once(supervisor, "exit");
    await until("the end of the process", () => !existsSync(`/proc/${hostPid}`) || undefined);
    expect(execFileSync("lsns", ["-t", "net", "-no", "NS"], { encoding: "utf8" })).not.toContain(
      namespace.slice(5, -1),
    );
    expect(hostLinks()).toBe(linksBefore);
    expect(hostMounts()).toEqual(mountsBefore);
  });
});
