import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { messageOf } from "../../src/core/index.ts";
import { readCorefile } from "../../src/dns/index.ts";
import { repositoryTree } from "./tree.ts";

const text = readFileSync(new URL("../../docs/dns.md", import.meta.url), "utf8");

/** The first cells of the rows of the table under a heading, as the words in code there. */
function namesUnder(heading: string): readonly string[] {
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const rows = (section.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("| `"));
  return rows.flatMap((row) => [...(row.split(" | ")[0] ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ""));
}

function knownPlugins(): readonly string[] {
  try {
    readCorefile(". {\n nonsense\n}", "Corefile", { environment: () => undefined, readText: () => undefined });
  } catch (error) {
    return messageOf(error).split("known plugins are ")[1]?.split(", ") ?? [];
  }
  return [];
}

describe("docs/dns.md", () => {
  it("names every plugin that is known, and refused ones in its last row", () => {
    const named = namesUnder("Configuration");
    const known = knownPlugins();
    expect(known.length).toBeGreaterThan(20);
    const refused = ["template", "file", "etcd", "k8s_external", "view", "dnssec"];
    expect(named.toSorted()).toEqual([...known, ...refused].toSorted());
  });

  it("has a Corefile for stub domains that can be read", () => {
    const [, example = ""] = /### Stub domains[^]*?```\n([^]*?)```/.exec(text) ?? [];
    const { servers, warnings } = readCorefile(example, "Corefile", {
      environment: () => undefined,
      readText: () => undefined,
    });
    expect({ servers, warnings }).toMatchObject({
      servers: [
        { keys: [{ zone: "corp.example.com.", port: 53 }], forward: [{ to: [{ address: "10.150.0.1" }, {}] }] },
      ],
      warnings: [],
    });
  });

  it("names metrics that there are", () => {
    const tree = repositoryTree();
    const sources = tree.paths
      .filter((path) => /^src\/(dns|app\/dns)\/.*\.ts$/.test(path) && !path.endsWith(".test.ts"))
      .map((path) => tree.text(path))
      .join("\n");
    const named = namesUnder("Metrics");
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter((name) => !sources.includes(`"${name}"`))).toEqual([]);
  });
});
