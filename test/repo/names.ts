import { codeLines } from "./source-text.ts";
import type { Tree } from "./tree.ts";

/** Names that say nothing, so that everything ends up in such a file. */
const emptyNames = new Set(
  "base common const constants core-utils helper helpers interfaces lib main-helper manager misc shared stuff types util utils".split(
    " ",
  ),
);

const codeFolders = /^(src|test|bench|scripts|bin)\//;

/** What is wrong with the names and the lengths of the files that hold code. */
export function checkNames(tree: Tree): { readonly files: number; readonly problems: readonly string[] } {
  const files = tree.paths.filter((path) => codeFolders.test(path) && /\.(ts|mjs|js)$/.test(path));
  return {
    files: files.length,
    problems: files.flatMap((path) => [...nameProblems(path), ...lengthProblems(tree, path)]),
  };
}

function nameProblems(path: string): string[] {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const stem = name.replace(/(\.d|\.(kernel|uml)\.test|\.test|\.generated)?\.(ts|mjs|js)$/, "");
  const problems: string[] = [];
  if (emptyNames.has(stem)) problems.push(`${path}: "${stem}" says nothing; name the file for its subject`);
  if (/-(utils?|helpers?|manager)$/.test(stem))
    problems.push(`${path}: name the file for its subject, without its last word`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) problems.push(`${path}: file names are kebab-case`);
  return problems;
}

function lengthProblems(tree: Tree, path: string): string[] {
  if (path.endsWith(".generated.ts")) return [];
  const limit = path.startsWith("test/") || path.startsWith("bench/") || path.endsWith(".test.ts") ? 800 : 400;
  const lines = codeLines(tree.text(path));
  return lines > limit
    ? [`${path} has ${lines} lines of code; the limit is ${limit}: it holds more than one subject`]
    : [];
}
