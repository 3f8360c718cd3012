import { posix } from "node:path";
import type { Tree } from "./tree.ts";

/** What the check looked at, and what it found. */
export interface DocsReport {
  readonly files: number;
  readonly references: number;
  readonly problems: readonly string[];
}

/** Checks that links, paths and commands in the project's Markdown files exist. */
export function checkDocs(tree: Tree): DocsReport {
  const files = tree.paths.filter((path) => path.endsWith(".md"));
  const commands = commandsIn(tree.text("src/cli/main.ts"));
  const scripts = Object.keys((JSON.parse(tree.text("package.json")) as { scripts: Record<string, string> }).scripts);
  const problems: string[] = [];
  let references = 0;
  const expectThat = (holds: boolean, problem: string): void => {
    references += 1;
    if (!holds) problems.push(problem);
  };
  for (const path of files) {
    const text = tree.text(path);
    for (const target of linksIn(text)) {
      const { file, heading } = resolveLink(path, target);
      expectThat(tree.has(file), `${path} links to ${target}, which does not exist`);
      if (heading !== "" && file.endsWith(".md") && tree.has(file)) {
        expectThat(headingsIn(tree.text(file)).includes(heading), `${path} links to ${target}: no such heading`);
      }
    }
    for (const name of pathsIn(text)) expectThat(tree.has(name), `${path} names ${name}, which does not exist`);
    for (const name of npmScriptsIn(text))
      expectThat(scripts.includes(name), `${path} says npm run ${name}: no such script`);
    for (const name of sealaneCommandsIn(text)) {
      expectThat(commands.includes(name), `${path} says sealane ${name}: no such command`);
    }
  }
  return { files: files.length, references, problems };
}

/** The commands in the command line's table. Throws when there is none: then the check would accept everything. */
export function commandsIn(main: string): readonly string[] {
  const names = [...main.matchAll(/^ {2}"?([a-z-]+)"?: \{\s*summary:/gm)].map((match) => match[1] ?? "");
  if (names.length === 0) throw new Error("src/cli/main.ts has no table of commands");
  return [...names, "help", "version"];
}

function linksIn(text: string): readonly string[] {
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? "");
  return targets.filter((target) => !/^[a-z]+:/.test(target));
}

function resolveLink(from: string, target: string): { readonly file: string; readonly heading: string } {
  const [file = "", heading = ""] = target.split("#");
  return { file: file === "" ? from : posix.join(posix.dirname(from), file).replace(/\/$/, ""), heading };
}

/** Headings as anchors, the way GitHub makes them. */
function headingsIn(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] ?? "")
      .toLowerCase()
      .replaceAll(/[^a-z0-9 _-]/g, "")
      .replaceAll(" ", "-"),
  );
}

/** Paths between backticks that begin at the root. Patterns and placeholders are no paths. */
function pathsIn(text: string): readonly string[] {
  const names = [...text.matchAll(/`((?:src|test|docs|scripts|examples|bin|bench|\.ci|\.github)\/[^`\s]*)`/g)];
  return names
    .map((match) => (match[1] ?? "").replace(/[/:.,]$/, ""))
    .filter((name) => !/[*<>{}$]|[A-Z]{3,}|\.\.\./.test(name));
}

function npmScriptsIn(text: string): readonly string[] {
  return [...text.matchAll(/\bnpm (?:run ([a-z][a-z:-]*)|(test)\b)/g)].map((match) => match[1] ?? match[2] ?? "");
}

/** Commands in code: `sealane up`, or a line of a shell block that runs it. */
function sealaneCommandsIn(text: string): readonly string[] {
  const inline = text.matchAll(/`(?:npx )?sealane ([a-z][a-z-]*)/g);
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map((match) => match[1] ?? "").join("\n");
  const lines = blocks.matchAll(/(?:^|[$(;&|] ?)(?:npx )?sealane ([a-z][a-z-]*)/gm);
  return [...inline, ...lines].map((match) => match[1] ?? "");
}
