import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { hostNetwork, processesWith, Sealane, until } from "./sealane.ts";
import type { Finished } from "./sealane.ts";

const rows = 23;

let before: string;
let sealane: Sealane;
beforeEach(() => {
  before = hostNetwork();
});
afterEach(() => sealane.cleanUp());

function expectProof({ code, stdout, stderr }: Finished): void {
  const lines = stdout.split("\n");
  const refuted = lines.filter((line) => line.startsWith("NO "));
  expect({ code, stderr, refuted }).toEqual({ code: 0, stderr: "", refuted: [] });
  expect(lines.filter((line) => line.startsWith("yes "))).toHaveLength(rows);
  expect(lines).toContain(`${rows} of ${rows} rows hold`);
}

async function expectNothingLeft(): Promise<void> {
  await until("all processes have ended", () => processesWith(sealane.directory).length === 0);
  await until("all files are gone", () => sealane.leftFiles().every((name) => name.startsWith(".kube/")));
  expect(hostNetwork()).toBe(before);
}

describe("sealane demo", () => {
  it("proves every row, reads well at 80 columns, and leaves nothing behind", async () => {
    sealane = new Sealane();
    const finished = await sealane.run("demo");
    expectProof(finished);
    const lines = finished.stdout.split("\n");
    expect(lines.filter((line) => line.length > 80 || line !== line.trimEnd())).toEqual([]);
    // Plain text: no escape codes, no progress that overwrites itself.
    expect(finished.stdout).toMatch(/^[\n -~]*$/);
    await expectNothingLeft();
  });

  it("proves it to an ordinary user, keeps the lab, and prints commands that work when they are pasted", async () => {
    sealane = new Sealane(process.getuid?.() === 0 ? 65_534 : undefined);
    const finished = await sealane.run("demo", "--keep");
    expectProof(finished);
    expect(hostNetwork()).toBe(before);
    const [kubectl = "", exec = "", forward = "", down = "", ...more] = finished.stdout
      .slice(finished.stdout.indexOf("The lab stays up"))
      .split("\n")
      .filter((line) => line.startsWith("  "))
      .map((line) => line.trim());
    expect(more).toEqual([]);
    expect((await sealane.runShell(kubectl)).stdout).toMatch(/pod\/multi-0 +1\/1 +Running/);
    expect((await sealane.runShell(exec)).stdout).toContain("pod: back-end-");
    // The port of the text may be in use here; everything else is as it is printed.
    expect(forward).toMatch(/^npx sealane forward --name demo ingress 8080 /);
    const { child, output } = sealane.startShell(`exec ${forward.replace("8080", "")}`);
    const url = await until("the port is open", () => /http:\/\/\S+/.exec(output())?.[0]);
    expect(await (await fetch(url)).text()).toContain("pod: back-end-");
    child.kill("SIGTERM");
    expect((await sealane.runShell(down)).code).toBe(0);
    await expectNothingLeft();
  });
});
