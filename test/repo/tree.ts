import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Files by path relative to the root. Checks take one, so that they can be shown a tree that breaks the rule. */
export interface Tree {
  /** Sorted paths, with `/` between folders. */
  readonly paths: readonly string[];
  /** The text of a file. Throws when there is none. */
  text(path: string): string;
  /** Whether a file or a folder of that name exists. */
  has(path: string): boolean;
}

const notOurs = new Set(["node_modules", "dist", ".git", "coverage"]);

/** The clone that this test runs in, without what is installed or built. */
export function repositoryTree(): Tree {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const paths: string[] = [];
  const walk = (folder: string): void => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (!notOurs.has(entry.name)) walk(path);
      } else if (entry.isFile()) {
        paths.push(path);
      }
    }
  };
  walk("");
  return {
    paths: paths.toSorted(),
    text: (path) => readFileSync(join(root, path), "utf8"),
    has: (path) => existsSync(join(root, path)),
  };
}

/** A tree written down in a test. */
export function treeOf(files: Readonly<Record<string, string>>): Tree {
  const paths = Object.keys(files).toSorted();
  return {
    paths,
    text: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`No such file: ${path}`);
      return text;
    },
    has: (path) => paths.some((known) => known === path || known.startsWith(`${path}/`)),
  };
}

/** The tree with some files replaced or added. */
export function treeWith(tree: Tree, files: Readonly<Record<string, string>>): Tree {
  const changed = treeOf(files);
  return {
    paths: [...new Set([...tree.paths, ...changed.paths])].toSorted(),
    text: (path) => (changed.paths.includes(path) ? changed.text(path) : tree.text(path)),
    has: (path) => changed.has(path) || tree.has(path),
  };
}

/** The tree without some files. */
export function treeWithout(tree: Tree, ...removed: readonly string[]): Tree {
  const paths = tree.paths.filter((path) => !removed.includes(path));
  return {
    paths,
    text: (path) => {
      if (removed.includes(path)) throw new Error(`No such file: ${path}`);
      return tree.text(path);
    },
    has: (path) => paths.some((known) => known === path || known.startsWith(`${path}/`)),
  };
}
