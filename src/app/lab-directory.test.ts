import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  createLabDirectory,
  labDirectory,
  readLabRecord,
  requireLab,
  runningLabs,
  startTime,
  writeLabRecord,
} from "./lab-directory.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "sealane-labs-"));
  vi.stubEnv("TMPDIR", root);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

function recordOf(hostPid: number, hostPidStart: string) {
  return { name: "x", hostPid, hostPidStart, userNamespace: false, server: "https://127.0.0.1:1", startedAt: "" };
}

describe("createLabDirectory()", () => {
  it("makes a directory that only its user can enter", () => {
    expect(statSync(createLabDirectory("x").path).mode & 0o777).toBe(0o700);
  });

  it("says what to do where it cannot be made", () => {
    vi.stubEnv("TMPDIR", join(root, "absent"));
    expect(() => createLabDirectory("x")).toThrow("set TMPDIR to a directory that you may write to");
  });

  it("refuses a name whose lab runs", () => {
    const directory = createLabDirectory("x");
    writeLabRecord(directory, recordOf(process.pid, startTime(process.pid) ?? ""));
    expect(runningLabs()).toEqual(["x"]);
    expect(() => createLabDirectory("x")).toThrow('stop it with "sealane down --name x"');
  });

  it("takes over what a dead lab left, also when its pid was given to another process", () => {
    const directory = createLabDirectory("x");
    writeLabRecord(directory, recordOf(process.pid, "1"));
    expect(readLabRecord(directory)).toBeUndefined();
    expect(() => createLabDirectory("x")).not.toThrow();
  });
});

describe("labDirectory()", () => {
  it.each(["", "..", "a/b", "UPPER", "-x", "x".repeat(33)])("refuses the name %j", (name) => {
    expect(() => labDirectory(name)).toThrow("cannot be the name of a lab");
  });
});

describe("requireLab()", () => {
  it("says how to start one, or which others run", () => {
    expect(() => requireLab("y")).toThrow('No lab named y is running; start one with "sealane up"');
    writeLabRecord(createLabDirectory("x"), recordOf(process.pid, startTime(process.pid) ?? ""));
    expect(() => requireLab("y")).toThrow("running: x");
  });
});
