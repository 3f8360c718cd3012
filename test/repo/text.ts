import type { Tree } from "./tree.ts";

// A class of one letter keeps these patterns from finding themselves.
const unfinished = /\b(TO[D]O|FIX[M]E|XX[X]|HA[C]K)\b/;
const privatePath = /(?<![\w.~-])\/(work|Users)\/[\w.]/;
const leftOut = /\b(it|test|describe)\.(only|todo)\(/;

const rules: readonly (readonly [RegExp, string])[] = [
  [unfinished, "is a note to oneself: finish it, or open an issue"],
  [privatePath, "is a path of one machine"],
  [leftOut, "leaves other tests out"],
];

const textFile = /\.(ts|mjs|js|md|json|ya?ml|txt|sh)$|^\.ci\/|^LICENSE$/;

/** Words that must not be in any file of the project. */
export function checkText(tree: Tree): { readonly files: number; readonly problems: readonly string[] } {
  const files = tree.paths.filter((path) => textFile.test(path) && path !== "package-lock.json");
  return { files: files.length, problems: files.flatMap((path) => problemsIn(path, tree.text(path))) };
}

function problemsIn(path: string, text: string): string[] {
  const problems: string[] = [];
  for (const [pattern, reason] of rules) {
    if (!pattern.test(text)) continue;
    text.split("\n").forEach((line, index) => {
      const match = pattern.exec(line);
      if (match !== null) problems.push(`${path}:${index + 1}: "${match[0]}" ${reason}`);
    });
  }
  return problems;
}
