import type { Directive, Word } from "./blocks.ts";
import type { PemFile, TlsFiles } from "./configuration.ts";
import { corefileError } from "./place.ts";

/** What reading certificates and keys needs. */
export interface TlsContext {
  /** The text of a file, undefined when there is none. */
  readonly readText: (path: string) => string | undefined;
  /** Why TLS cannot be made of these files, with the name of the file; undefined when it can. Nothing is checked unless given. */
  readonly tlsProblem?: (files: TlsFiles) => string | undefined;
}

/** The file that `word` names, for `plugin`. */
export function readPem(word: Word, plugin: string, { readText }: TlsContext): PemFile {
  const text = readText(word.text);
  if (text === undefined) {
    throw corefileError(word, `${plugin}: ${word.text} cannot be read: check the path and who may read it`);
  }
  return { path: word.text, text };
}

/** Refuses files that TLS cannot be made of, as those are that are being written. */
export function expectUsable(directive: Directive, files: TlsFiles, { tlsProblem }: TlsContext): void {
  const problem = tlsProblem?.(files);
  if (problem !== undefined) throw corefileError(directive, `tls: ${problem}`);
}
