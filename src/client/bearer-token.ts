import { readFileSync } from "node:fs";

/** How long a token that was read from a file is used before the file is looked at again, in milliseconds: as client-go does. */
const lifetimeMs = 60_000;

/** The token with which requests say who sends them. */
export interface BearerToken {
  /** Tells this token from others: its text, or the path of its file, whatever is in there. */
  readonly id: string;
  /** For a request that is sent now. */
  read(): string;
  /** The server did not accept it: the next request looks for a newer one. */
  refused(): void;
}

/** A token that never changes. */
export function fixedToken(token: string): BearerToken {
  return { id: token, read: () => token, refused: () => undefined };
}

/**
 * The token of a file whose text is `first` now. Tokens of service accounts expire, and the kubelet replaces the file long before: it is
 * read again after a minute, and at once when the server refused what it had. While the file cannot be read, or is empty, the last token
 * stays. `now` gives milliseconds that never go back.
 */
export function fileToken(path: string, first: string, now: () => number = () => performance.now()): BearerToken {
  let token = first.trim();
  let readAt = now();
  return {
    id: path,
    read() {
      if (now() - readAt < lifetimeMs) return token;
      readAt = now();
      try {
        token = readFileSync(path, "utf8").trim() || token;
      } catch {
        // It is being replaced, or gone: what the server says about the old one tells more.
      }
      return token;
    },
    refused() {
      readAt = -Infinity;
    },
  };
}
