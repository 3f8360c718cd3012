import { fileURLToPath } from "node:url";

/** Path of a file of this package. Works from every module, bundled or not: all of them lie below dist. */
export function packageFile(path: string): string {
  const here = import.meta.url;
  return fileURLToPath(new URL(path, here.slice(0, here.lastIndexOf("/dist/") + 1)));
}
