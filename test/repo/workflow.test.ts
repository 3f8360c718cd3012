import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";

interface Workflow {
  readonly jobs: Readonly<Record<string, { readonly steps: readonly { readonly run?: string }[] }>>;
}

const file = (path: string) => new URL(`../../${path}`, import.meta.url);

describe("continuous integration", () => {
  const workflow = parse(readFileSync(file(".github/workflows/ci.yml"), "utf8")) as Workflow;
  const commands = Object.values(workflow.jobs).flatMap(({ steps }) => steps.flatMap(({ run }) => run ?? []));

  it("runs everything", () => {
    expect(commands.filter((command) => command.endsWith(" .ci/run"))).toHaveLength(1);
  });

  it("tries new bytes on the DNS server and its codec for a minute", () => {
    const fuzzing = commands.filter((command) => command.includes("SEALANE_FUZZ_SECONDS=60 "));
    expect(fuzzing).toHaveLength(1);
    const [, path = ""] = / npx vitest run --project unit (\S+)$/.exec(fuzzing[0] ?? "") ?? [];
    const test = file(`${path}.test.ts`);
    expect([path, existsSync(test)]).toEqual([path, true]);
    expect(readFileSync(test, "utf8")).toContain('process.env["SEALANE_FUZZ_SECONDS"]');
  });
});
