import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { findKubectls } from "../kubectls.ts";
import { processesWith, Sealane, until } from "./sealane.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const sealane = new Sealane();
afterAll(() => sealane.cleanUp());

/** The shell commands under a heading. */
function commandsUnder(heading: string): string {
  const [, section = ""] = readme.split(`## ${heading}\n`);
  return /```sh\n([^]*?)```/.exec(section)?.[1] ?? "";
}

it("the 60 seconds of the README work as they stand, and leave nothing behind", async () => {
  const commands = commandsUnder("60 seconds with kubectl");
  expect(commands).toContain("npx sealane forward svc/hello 8080 &");
  // The machine's newest kubectl, whatever it is called; a local port that nobody else has.
  const kubectl = findKubectls().at(-1)?.path ?? "kubectl";
  const script = commands
    .replaceAll(/^kubectl |(?<=\$\()kubectl /gm, `${kubectl} `)
    .replace("svc/hello 8080 &", "svc/hello &")
    // Nobody types as fast as a script.
    .replace(/^POD=/m, `${kubectl} rollout status deployment/hello\nPOD=`);
  const { code, stdout, stderr } = await sealane.runShell(`set -e\n${script}`);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: "Lab default is gone; nothing is forwarded any more\n",
  });
  expect(stdout).toContain("deployment.apps/hello created");
  expect(stdout.match(/^pod: hello-/gm)).toHaveLength(2);
  expect(stdout).toContain("default/hello on node-1, nftables:");
  expect(stdout).toContain("node-2: new connections go by userspace now");
  expect(stdout).toContain("looks up hello");
  expect(stdout).toContain("node-1 is dead");
  expect(stdout).toContain("Lab default is gone");
  await until("all processes have ended", () => processesWith(sealane.directory).length === 0);
});
