import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { example, hostNetwork, processesWith, Sealane, until } from "./sealane.ts";

let sealane: Sealane;
let before: string;
beforeEach(() => {
  before = hostNetwork();
  sealane = new Sealane();
});
afterEach(() => sealane.cleanUp());

async function expectNothingLeft(): Promise<void> {
  await until("all processes have ended", () => processesWith(sealane.directory).length === 0);
  await until("all files are gone", () => sealane.leftFiles().length === 0);
  expect(hostNetwork()).toBe(before);
}

/** Processes of this test's labs, by what they are. */
function processes(): Readonly<Record<string, readonly number[]>> {
  const ours = processesWith(sealane.directory);
  const of = (test: (line: string) => boolean) =>
    ours.filter((pid) => test(readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")));
  return {
    janitor: of((line) => line.startsWith("/bin/sh")),
    agent: of((line) => line.includes("/run/agent/main.js")),
  };
}

/** Id of one of these processes. Never 0, which kill(2) takes for the whole process group. */
function one(kind: string): number {
  const [pid] = processes()[kind] ?? [];
  if (pid === undefined) throw new Error(`No ${kind} runs`);
  return pid;
}

describe("a lab", () => {
  it("leaves the host as it was after `up -d` and `down`", async () => {
    const up = await sealane.run("up", "-d", "-f", example("clusterip"), "--name", "one");
    expect(up).toMatchObject({ code: 0, stderr: "" });
    expect(hostNetwork()).toBe(before);
    expect(await sealane.run("down", "--name", "one")).toMatchObject({ code: 0, stdout: "Lab one is gone\n" });
    await expectNothingLeft();
  });

  it("leaves nothing after Ctrl-C in the foreground", async () => {
    const { child, output } = sealane.start("up", "--name", "one");
    await until("the lab is up", () => output().includes("Ctrl-C stops the lab"), 20_000);
    child.kill("SIGINT");
    await until("the command has ended", () => child.exitCode !== null);
    expect(child.exitCode).toBe(0);
    await expectNothingLeft();
  });

  it("leaves nothing when its launcher is killed with -9", async () => {
    const { child, output } = sealane.start("up", "--name", "one");
    await until("the lab is up", () => output().includes("Ctrl-C stops the lab"), 20_000);
    child.kill("SIGKILL");
    await expectNothingLeft();
  });

  it("leaves nothing when its supervisor is killed with -9", async () => {
    await sealane.run("up", "-d", "--name", "one");
    const record = JSON.parse(
      readFileSync(join(sealane.directory, `sealane-${process.getuid?.()}`, "one", "lab.json"), "utf8"),
    ) as { readonly hostPid: number };
    process.kill(record.hostPid, "SIGKILL");
    await expectNothingLeft();
  });

  it("leaves nothing when the shell between launcher and supervisor is killed with -9", async () => {
    await sealane.run("up", "-d", "--name", "one");
    process.kill(one("janitor"), "SIGKILL");
    await expectNothingLeft();
  });

  it("leaves nothing when the unshare above the supervisor is killed with -9", async () => {
    await sealane.run("up", "-d", "--name", "one");
    const janitor = one("janitor");
    const [unshare = ""] = readFileSync(`/proc/${janitor}/task/${janitor}/children`, "utf8").trim().split(" ");
    expect(readFileSync(`/proc/${unshare}/comm`, "utf8")).toBe("unshare\n");
    process.kill(Number(unshare), "SIGKILL");
    await expectNothingLeft();
  });

  it("starts an agent again that is killed with -9, and traffic goes on", async () => {
    await sealane.run("up", "-d", "-f", example("clusterip"), "--name", "one");
    const agent = one("agent");
    process.kill(agent, "SIGKILL");
    await until("three agents run again", () => {
      const agents = processes()["agent"] ?? [];
      return agents.length === 3 && !agents.includes(agent);
    });
    let status = await sealane.run("status", "--name", "one");
    const deadline = performance.now() + 15_000;
    while (status.code !== 0 && performance.now() < deadline) status = await sealane.run("status", "--name", "one");
    expect(status.code).toBe(0);
    await sealane.run("down", "--name", "one");
    await expectNothingLeft();
  });
});
