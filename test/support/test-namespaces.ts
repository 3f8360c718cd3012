import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { createNamespace, removeNamespace, runProgram } from "../../src/kernel/index.ts";

/**
 * Makes network namespaces for the tests of a file: each call gives the path of another one. They go when all tests have run, however these
 * end, after what was registered to be closed later than this.
 */
export function testNamespaces(): (setUp?: () => void) => string {
  const folder = mkdtempSync(join(tmpdir(), "sealane-test-"));
  const made: string[] = [];
  afterAll(() => {
    made.forEach(removeNamespace);
    rmSync(folder, { recursive: true, force: true });
  });
  return (setUp) => {
    const path = join(folder, `${made.length}`);
    createNamespace(path, setUp);
    made.push(path);
    return path;
  };
}

/** What nftables has in a namespace (a path), a text for each thing; equal rules give equal texts. */
export async function nftRuleset(namespace: string): Promise<readonly string[]> {
  const text = await runProgram(["nft", "-j", "list", "ruleset"], { namespace });
  const { nftables } = JSON.parse(text, (key, value: unknown) => (key === "handle" ? undefined : value)) as {
    readonly nftables: readonly object[];
  };
  return nftables.map((entry) => JSON.stringify(entry, inOrder)).sort();
}

/** The order in which the kernel has elements means nothing. */
function inOrder(key: string, value: unknown): unknown {
  return key === "elem" && Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort() : value;
}
