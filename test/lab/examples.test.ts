import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { example, Sealane } from "./sealane.ts";

const folder = fileURLToPath(new URL("../../examples", import.meta.url));
const names = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml") && name !== "tour.yaml")
  .map((name) => name.slice(0, -".yaml".length));

/** What must be in the answers to an example's commands, taken together. */
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  affinity: [/^(pod: affinity-\S+\n)\1{4}$/m],
  clusterip: [/^pod: clusterip-/m, /^10\.96\./m, /goto pick-3/],
  externalname: [/^db\.example\.com\.$/m, /^host: db\.example\.com$/m],
  headless: [/^(10\.244\.\S+\n){3}/m, /5432 headless-1\.headless\.default/, /^pod: headless-2$/m],
  ingress: [/^pod: ingress-shop-/m, /^pod: ingress-cart-/m, /^HTTP\/1\.1 404/m],
  loadbalancer: [/^pod: loadbalancer-/m],
  "multi-port": [/^pod: multi-port-/m, /"received":"hello\\n"/, / 5000 multi-port\.default/],
  nodeport: [/^client: 192\.168\.100\.1[123]:/m],
  selectorless: [/^host: db\.example\.com$/m, /^port: 8080\/TCP$/m],
  "traffic-policies": [/^pod: policies-/m, /^client: 192\.168\.100\.10:/m],
  weights: [/^ +1 weights-canary\n +9 weights-stable$/m],
};

/** The arguments of each `npx sealane exec` in the example's own comments. */
function commandsIn(manifest: string): readonly (readonly string[])[] {
  return [...manifest.matchAll(/^#   npx sealane (exec .*)$/gm)].map((match) => {
    const line = (match[1] ?? "").replace(/ +# .*$/, "");
    return [...line.matchAll(/'([^']*)'|(\S+)/g)].map((word) => word[1] ?? word[2] ?? "");
  });
}

let sealane: Sealane;
beforeEach(() => {
  sealane = new Sealane();
});
afterEach(() => sealane.cleanUp());

describe("examples", () => {
  it("are all proven", () => {
    expect(Object.keys(expected).toSorted()).toEqual(names.toSorted());
  });

  it.each(names)("%s.yaml does what its comments say", async (name) => {
    const up = await sealane.run("up", "-d", "-f", example(name));
    expect(up).toMatchObject({ code: 0, stderr: "" });
    const commands = commandsIn(readFileSync(example(name), "utf8"));
    expect(commands.length).toBeGreaterThan(0);
    let seen = "";
    for (const command of commands) {
      const { code, stdout, stderr } = await sealane.run(...command);
      expect({ command: command.join(" "), code, stderr }).toEqual({ command: command.join(" "), code: 0, stderr: "" });
      seen += stdout;
    }
    for (const pattern of expected[name] ?? []) expect(seen).toMatch(pattern);
  });
});
