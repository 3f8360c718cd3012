import { readFileSync } from "node:fs";
import { afterAll, expect, it } from "vitest";
import { Sealane } from "./sealane.ts";

const text = readFileSync(new URL("../../docs/dns.md", import.meta.url), "utf8");
const sealane = new Sealane();
afterAll(() => sealane.cleanUp());

/** The blocks of code in the order of the page, each with its language. */
const blocks = [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)].map(([, language = "", code = ""]) => ({
  language,
  code,
}));

/** Without what differs from run to run. */
const steady = (output: string) =>
  output
    .replaceAll(/ +[0-9]+ us/g, " N us")
    .replaceAll(/[0-9.]+ ms/g, "N ms")
    .replace(/<- upstream .*|<- cache: heard.*/g, "<- the world");

it("the commands of docs/dns.md do what it says", async () => {
  const commands = blocks.filter(({ language }) => language === "sh").map(({ code }) => code);
  expect(commands).toHaveLength(6);
  const [up = "", trace = "", times = "", autopath = "", conntrack = "", metrics = ""] = commands;
  expect(await sealane.runShell(up)).toMatchObject({ code: 0, stderr: "" });

  const shown = blocks.find(({ code }) => code.startsWith("pod/web-0 in default"))?.code ?? "no trace";
  const cheaper = blocks.find(({ code }) => code.startsWith("Cheaper:"))?.code ?? "no advice";
  const { code, stdout } = await sealane.runShell(trace);
  expect({ code, stdout: steady(stdout) }).toEqual({ code: 0, stdout: steady(`${shown}\n${cheaper}`) });

  // The table says how many queries each name costs; how long they take is the machine's.
  const rows = [...text.matchAll(/^\| `([a-z.]+)` \| ([0-9]) \| [0-9]+ us \|$/gm)].map(([, name, queries]) => [
    name,
    Number(queries),
  ]);
  expect(rows).toHaveLength(5);
  const measured = await sealane.runShell(times);
  expect(
    measured.stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(" ")[0]),
  ).toEqual(rows.map(([name]) => name));
  for (const [name, queries] of rows) {
    const { stdout: json } = await sealane.run("dns", "trace", "pod/web-0", String(name), "-o", "json");
    expect([name, JSON.parse(json)]).toMatchObject([name, { cost: { queries } }]);
  }

  expect(await sealane.runShell(autopath)).toMatchObject({ code: 0, stderr: "" });
  expect((await sealane.runShell(metrics)).stdout).toContain("\ncoredns_dns_requests_total{");

  // `conntrack` is not on every machine: where it is, it finds no query, while rules have let many pass untracked.
  const { stdout: there } = await sealane.runShell("command -v conntrack || true");
  if (there !== "") expect(await sealane.runShell(conntrack)).toMatchObject({ code: 0, stdout: "" });
  expect((await sealane.run("exec", "node/1", "--", "nft", "list", "table", "ip", "sealane-dns")).stdout).toContain(
    "notrack",
  );
});
