import { accessSync, closeSync, constants, mkdirSync, openSync, readSync, statSync } from "node:fs";
import type { Stats } from "node:fs";
import { dirname } from "node:path";
import { CodedError, messageOf } from "../core/index.ts";

/** Where LMDB's first page has its mark, and what it is (`MDB_MAGIC`, in the byte order of every machine Node runs on). */
const markOffset = 24;
const mark = 0xbeefc0de;
/** Two pages of meta data are written before anything else. */
const smallestDatabase = 8192;

/**
 * Makes a directory for the state, mode 0700, and gives the path of the database in it. Throws `CodedError` code
 * `CannotOpenState`, in one line that says what to do, when the directory cannot be made or written to, or when the
 * file is no database.
 */
export function prepareStateDirectory(directory: string): string {
  const file = `${directory}/objects.lmdb`;
  try {
    makeDirectory(directory);
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
    if (isUsable(file)) return file;
  } catch (error) {
    throw cannotOpen(directory, error);
  }
  const message = `${file} is no state of Sealane: remove it, or give --state another directory`;
  throw new CodedError("CannotOpenState", message);
}

/** The error for a directory in which no database can be opened. */
export function cannotOpen(directory: string, error: unknown): CodedError {
  const advice = "give --state a directory that you may write to";
  const message = `Cannot open the state in ${directory}: ${messageOf(error)}: ${advice}`;
  return new CodedError("CannotOpenState", message, { cause: error });
}

// One by one: `mkdirSync` with `recursive` never returns below /proc (Node 20), where a new directory is ENOENT.
function makeDirectory(directory: string): void {
  const found = statIfThere(directory);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${directory} is not a directory`);
  const parent = dirname(directory);
  if (parent !== directory) makeDirectory(parent);
  mkdirSync(directory, { mode: 0o700 });
}

/** Below a file there is nothing: versions of Node differ in whether that is an error. */
function statIfThere(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Whether LMDB may open the file: what is there and no database crashes it. */
function isUsable(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found === undefined || (found.isFile() && found.size === 0)) return true;
  if (!found.isFile() || found.size < smallestDatabase) return false;
  const start = Buffer.alloc(markOffset + 4);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, start, 0, start.length, 0);
  } finally {
    closeSync(descriptor);
  }
  return start.readUInt32LE(markOffset) === mark;
}
