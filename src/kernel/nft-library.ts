import { createRequire } from "node:module";
import type koffiTypes from "koffi";
import { inNamespace } from "./netns.ts";

type Koffi = typeof koffiTypes;

interface Library {
  readonly nft_ctx_new: (flags: number) => unknown;
  readonly nft_ctx_free: (context: unknown) => void;
  readonly nft_ctx_buffer_output: (context: unknown) => number;
  readonly nft_ctx_buffer_error: (context: unknown) => number;
  readonly nft_ctx_get_error_buffer: (context: unknown) => string;
  readonly nft_run_cmd_from_buffer: (context: unknown, script: string) => number;
}

/** nft's own library in this process. */
export interface NftLibrary {
  /** Applies the script before it returns; gives back what nft says on failure, `undefined` on success. */
  run(script: string): string | undefined;
  close(): void;
}

let bound: Library | null | undefined;

/**
 * Opens libnftables for a network namespace (a path; the caller's own by default): its netlink socket stays in the
 * namespace in which it was made. `undefined` when this machine has no such library.
 */
export function openNftLibrary(namespace?: string): NftLibrary | undefined {
  bound ??= bind();
  const library = bound;
  if (library === null) return undefined;
  const open = (): unknown => library.nft_ctx_new(0);
  const context = namespace === undefined ? open() : inNamespace(namespace, open);
  if (context === null) return undefined;
  library.nft_ctx_buffer_output(context);
  library.nft_ctx_buffer_error(context);
  let isOpen = true;
  return {
    run(script) {
      if (!isOpen) return "Error: nft was closed";
      return library.nft_run_cmd_from_buffer(context, script) === 0
        ? undefined
        : library.nft_ctx_get_error_buffer(context);
    },
    close() {
      if (isOpen) library.nft_ctx_free(context);
      isOpen = false;
    },
  };
}

function bind(): Library | null {
  try {
    const koffi = createRequire(import.meta.url)("koffi") as Koffi;
    const library = koffi.load("libnftables.so.1");
    const call = (signature: string) => library.func(signature) as unknown;
    return {
      nft_ctx_new: call("void *nft_ctx_new(uint32_t)"),
      nft_ctx_free: call("void nft_ctx_free(void *)"),
      nft_ctx_buffer_output: call("int nft_ctx_buffer_output(void *)"),
      nft_ctx_buffer_error: call("int nft_ctx_buffer_error(void *)"),
      nft_ctx_get_error_buffer: call("const char *nft_ctx_get_error_buffer(void *)"),
      nft_run_cmd_from_buffer: call("int nft_run_cmd_from_buffer(void *, const char *)"),
    } as Library;
  } catch {
    return null;
  }
}
