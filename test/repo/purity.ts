import { layersIn } from "./layers.ts";
import { sourceWithoutComments } from "./source-text.ts";
import type { Tree } from "./tree.ts";

// Standards of the language that the compiler cannot take away from a pure layer.
const impure: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\b/, "take a Clock"],
  [/\bnew Date\(\s*\)/, "take a Clock"],
  [/(?<!\bnew )(?<![.\w])Date\(\s*\)/, "take a Clock"],
  [/\bMath\.random\b/, "take a Random"],
  [/\bglobalThis\b/, "take what is needed as a parameter"],
];

/** Uses of the clock, of chance and of global state in layers that the table calls pure. */
export function checkPurity(tree: Tree): { readonly files: number; readonly problems: readonly string[] } {
  const pure = layersIn(tree.text("ARCHITECTURE.md")).filter((layer) => layer.kind === "pure");
  const files = tree.paths.filter(
    (path) =>
      path.endsWith(".ts") && !path.endsWith(".test.ts") && pure.some((layer) => path.startsWith(`src/${layer.name}/`)),
  );
  const problems = files.flatMap((path) => {
    const code = sourceWithoutComments(tree.text(path));
    return impure.flatMap(([pattern, advice]) => {
      const match = pattern.exec(code);
      return match === null ? [] : [`${path} uses ${match[0]} in a pure layer: ${advice}`];
    });
  });
  return { files: files.length, problems };
}
