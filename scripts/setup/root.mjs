import { fileURLToPath } from "node:url";

/** The directory of the clone, without a slash at its end. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

/** Where set-up keeps what it downloads besides npm packages. */
export const cacheDirectory = `${root}/node_modules/.cache/sealane`;

/** Tells people what takes time. Standard error, so that a command's own output stays clean. */
export function say(message) {
  process.stderr.write(`sealane: ${message}\n`);
}
