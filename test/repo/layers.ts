import { posix } from "node:path";
import { sourceWithoutComments } from "./source-text.ts";
import type { Tree } from "./tree.ts";

/** One row of the table of layers. */
export interface Layer {
  readonly name: string;
  readonly mayImport: readonly string[];
  readonly kind: "pure" | "shell";
}

/** Reads the table in ARCHITECTURE.md. Throws when it is not there or a row makes no sense. */
export function layersIn(architecture: string): readonly Layer[] {
  const rows = architecture.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const header = rows.findIndex((cells) => cells[1] === "layer" && cells[3] === "may import" && cells[4] === "kind");
  if (header < 0) throw new Error("ARCHITECTURE.md has no table of layers");
  const layers: Layer[] = [];
  for (const cells of rows.slice(header + 2)) {
    const name = /^`([a-z0-9/-]+)`$/.exec(cells[1] ?? "")?.[1];
    if (name === undefined) break;
    layers.push({ name, mayImport: importsIn(cells[3] ?? "", layers), kind: kindIn(cells[4] ?? "", name) });
  }
  return layers;
}

function importsIn(cell: string, above: readonly Layer[]): readonly string[] {
  if (cell === "nothing") return [];
  if (cell === "every layer above") return above.map((layer) => layer.name);
  return cell.split(",").map((name) => name.trim().replaceAll("`", ""));
}

function kindIn(cell: string, name: string): Layer["kind"] {
  if (cell === "pure" || cell === "shell") return cell;
  throw new Error(`The kind of layer ${name} is ${JSON.stringify(cell)}: use "pure" or "shell"`);
}

/** What the check looked at, and what it found. */
export interface LayerReport {
  readonly layers: number;
  readonly files: number;
  readonly problems: readonly string[];
}

/** Compares the table with project references, compiler settings and imports, in both directions. */
export function checkLayers(tree: Tree): LayerReport {
  const layers = layersIn(tree.text("ARCHITECTURE.md"));
  const sources = tree.paths.filter((path) => path.startsWith("src/") && path.endsWith(".ts"));
  return {
    layers: layers.length,
    files: sources.length,
    problems: [
      ...tableProblems(tree, layers),
      ...layers.flatMap((layer) => layerProblems(tree, layer)),
      ...sources.flatMap((path) => importProblems(tree, path, layers)),
    ],
  };
}

function tableProblems(tree: Tree, layers: readonly Layer[]): string[] {
  const problems: string[] = [];
  const names = layers.map((layer) => layer.name);
  for (const path of tree.paths) {
    const folder = /^src\/(.+)\/tsconfig\.json$/.exec(path)?.[1];
    if (folder !== undefined && !names.includes(folder)) problems.push(`src/${folder} is no layer in ARCHITECTURE.md`);
  }
  layers.forEach((layer, index) => {
    for (const name of layer.mayImport) {
      if (!names.slice(0, index).includes(name))
        problems.push(`${layer.name} may import ${name}, which no row above it has`);
    }
  });
  const built = referencesIn(tree, "tsconfig.json");
  for (const name of names) {
    if (!built.includes(`src/${name}`)) problems.push(`tsconfig.json does not refer to src/${name}`);
  }
  return problems;
}

function layerProblems(tree: Tree, layer: Layer): string[] {
  const folder = `src/${layer.name}`;
  const problems: string[] = [];
  for (const file of ["README.md", "index.ts", "tsconfig.json"]) {
    if (!tree.paths.includes(`${folder}/${file}`)) problems.push(`${folder} has no ${file}`);
  }
  if (tree.paths.includes(`${folder}/README.md`)) {
    const lines = tree.text(`${folder}/README.md`).trimEnd().split("\n").length;
    if (lines > 40) problems.push(`${folder}/README.md has ${lines} lines: a page of at most 40 is read`);
    problems.push(...readmeProblems(tree.text(`${folder}/README.md`), layer));
  }
  if (tree.paths.includes(`${folder}/index.ts`)) {
    const door = sourceWithoutComments(tree.text(`${folder}/index.ts`));
    if (/export\s*\*/.test(door))
      problems.push(`${folder}/index.ts exports everything of a file: name what others may use`);
  }
  if (!tree.paths.includes(`${folder}/tsconfig.json`)) return problems;
  const references = referencesIn(tree, `${folder}/tsconfig.json`).map((path) =>
    posix.join(folder, path).replace(/^src\//, ""),
  );
  for (const name of layer.mayImport) {
    if (!references.includes(name))
      problems.push(`${layer.name} may import ${name}, but its tsconfig.json does not refer to it`);
  }
  for (const name of references) {
    if (!layer.mayImport.includes(name))
      problems.push(`${layer.name}'s tsconfig.json refers to ${name}, which the table does not allow`);
  }
  const types = compilerOptions(tree, `${folder}/tsconfig.json`)["types"];
  const pure = types === undefined || (Array.isArray(types) && types.length === 0);
  if (pure !== (layer.kind === "pure"))
    problems.push(`${layer.name} is ${layer.kind} in the table, its tsconfig.json says otherwise`);
  return problems;
}

/** A layer's README says what the layer may import; it must say what the table says. */
function readmeProblems(readme: string, layer: Layer): string[] {
  const sentence = /\bmay import:?\**:?\s*([^.]*)/i.exec(readme)?.[1];
  if (sentence === undefined) return [`src/${layer.name}/README.md does not say what the layer may import`];
  if (/\bevery (other )?layer\b/.test(sentence)) return [];
  const names = sentence.match(/[a-z]+(\/[a-z]+)?/g) ?? [];
  const said = names.filter((name) => layer.mayImport.includes(name));
  const missing = layer.mayImport.filter((name) => !said.includes(name));
  const extra = (sentence.match(/`[a-z/]+`/g) ?? []).filter((name) => !layer.mayImport.includes(name.slice(1, -1)));
  return missing.length === 0 && extra.length === 0
    ? []
    : [
        `src/${layer.name}/README.md says that it may import ${sentence.trim()}; the table says ${layer.mayImport.join(", ")}`,
      ];
}

function importProblems(tree: Tree, path: string, layers: readonly Layer[]): string[] {
  const layer = layerOf(path, layers);
  if (layer === undefined) return path === "src/platform.d.ts" ? [] : [`${path} is in no layer`];
  const problems: string[] = [];
  const isTest = path.endsWith(".test.ts");
  for (const specifier of importsOf(tree.text(path))) {
    if (!specifier.startsWith(".")) {
      if (layer.kind === "pure" && !isTest)
        problems.push(`${path} imports ${specifier}: pure layers import no packages`);
      continue;
    }
    const target = posix.join(posix.dirname(path), specifier);
    const other = layerOf(target, layers);
    if (other === layer) continue;
    if (other === undefined) {
      if (!isTest) problems.push(`${path} imports ${target}, which is in no layer`);
    } else if (target !== `src/${other.name}/index.ts`) {
      problems.push(`${path} enters ${other.name} by ${target}: only index.ts is a door`);
    } else if (!isTest && !layer.mayImport.includes(other.name)) {
      problems.push(`${path} imports ${other.name}, which the table does not allow`);
    }
  }
  return problems;
}

function layerOf(path: string, layers: readonly Layer[]): Layer | undefined {
  return layers.find((layer) => path.startsWith(`src/${layer.name}/`));
}

/** The specifiers of all imports and re-exports, static and dynamic. */
export function importsOf(source: string): readonly string[] {
  const code = sourceWithoutComments(source);
  const statements = /(?:^|[\n;}])\s*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*["']([^"'\n]+)["']/g;
  const calls = /\bimport\(\s*["']([^"'\n]+)["']/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map((match) => match[1] ?? "");
}

function referencesIn(tree: Tree, path: string): readonly string[] {
  const { references } = JSON.parse(tree.text(path)) as { references?: readonly { readonly path: string }[] };
  return (references ?? []).map((reference) => reference.path);
}

function compilerOptions(tree: Tree, path: string): Readonly<Record<string, unknown>> {
  return (JSON.parse(tree.text(path)) as { compilerOptions?: Record<string, unknown> }).compilerOptions ?? {};
}
