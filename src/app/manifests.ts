import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LineCounter, parseAllDocuments } from "yaml";
import { CodedError, messageOf } from "../core/index.ts";
import { yamlReading } from "../objects/index.ts";

/** One object of a manifest, not yet checked, and where it was written. */
export interface ManifestObject {
  /** `FILE` or `FILE document N`. */
  readonly source: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const extensions = [".yaml", ".yml", ".json"];

/**
 * Reads manifests as `kubectl -f` does: a file, a directory's *.yaml, *.yml and *.json (sorted, not recursive), or `-`
 * for standard input. Throws `CodedError` "BadManifest" that names the file and the line.
 */
export function readManifests(path: string): readonly ManifestObject[] {
  if (path === "-") return parseManifest(readText(0, "standard input"), "standard input");
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new CodedError("BadManifest", `There is no file or directory ${path}`);
  if (!found.isDirectory()) return parseManifest(readText(path, path), path);
  const files = readdirSync(path)
    .filter((name) => extensions.some((extension) => name.endsWith(extension)))
    .sort()
    .map((name) => join(path, name));
  if (files.length === 0)
    throw new CodedError("BadManifest", `The directory ${path} has no ${extensions.join(", ")} file`);
  return files.flatMap((file) => parseManifest(readText(file, file), file));
}

/** Reads the objects in YAML or JSON text. `List` kinds are opened. Throws `CodedError` "BadManifest". */
export function parseManifest(text: string, source: string): readonly ManifestObject[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { ...yamlReading, lineCounter: lines, prettyErrors: false });
  if (!Array.isArray(documents)) return [];
  return documents.flatMap((document, index) => {
    const place = documents.length === 1 ? source : `${source} document ${index + 1}`;
    const problem = document.errors[0];
    if (problem !== undefined) {
      const { line, col } = lines.linePos(problem.pos[0]);
      throw new CodedError("BadManifest", `${source}:${line}:${col}: ${problem.message}`);
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) return [];
    return objectsIn(value, place);
  });
}

function objectsIn(value: unknown, source: string): readonly ManifestObject[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new CodedError("BadManifest", `${source}: expected an object with apiVersion and kind`);
  }
  const object = value as Readonly<Record<string, unknown>>;
  if (typeof object["kind"] !== "string" || typeof object["apiVersion"] !== "string") {
    throw new CodedError("BadManifest", `${source}: apiVersion and kind must both be set`);
  }
  if (object["kind"].endsWith("List") && Array.isArray(object["items"])) {
    return object["items"].flatMap((item, index) => objectsIn(item, `${source} item ${index + 1}`));
  }
  return [{ source, value: object }];
}

function readText(file: string | number, name: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CodedError("BadManifest", `Cannot read ${name}: ${messageOf(error)}`);
  }
}
