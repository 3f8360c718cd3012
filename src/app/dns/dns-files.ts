import { readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";

/** The text of a file; undefined when it cannot be read. */
export function readTextFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * The files that `import PATTERN` in the Corefile at `corefile` means: `*` in the last part stands for any characters.
 * Relative patterns count from the Corefile's folder. Files are in the order of their names.
 */
export function importedFiles(
  corefile: string,
): (pattern: string) => readonly { readonly path: string; readonly text: string }[] {
  return (pattern) => {
    const path = resolve(dirname(corefile), pattern);
    return matchingPaths(path).flatMap((one) => {
      const text = readTextFile(one);
      return text === undefined ? [] : [{ path: one, text }];
    });
  };
}

function matchingPaths(path: string): readonly string[] {
  const name = basename(path);
  if (!name.includes("*")) return [path];
  const parts = name.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
  const matches = new RegExp(`^${parts.join(".*")}$`);
  try {
    // Like a shell: files that begin with a dot are meant only by patterns that do.
    return readdirSync(dirname(path))
      .filter((file) => matches.test(file) && (name.startsWith(".") || !file.startsWith(".")))
      .sort()
      .map((file) => join(dirname(path), file));
  } catch {
    return [];
  }
}
