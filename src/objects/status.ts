import { CodedError } from "../core/index.ts";

/** `metav1.StatusCause`. */
export interface StatusCause {
  readonly reason?: string;
  readonly message?: string;
  readonly field?: string;
}

/** `metav1.Status`: how the API says that something failed (or was done). */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: {
    readonly name?: string;
    readonly group?: string;
    readonly kind?: string;
    readonly uid?: string;
    readonly causes?: readonly StatusCause[];
    readonly retryAfterSeconds?: number;
  };
  readonly code: number;
}

/** A request that the API refused. `code` is the Status reason (`NotFound`, `Conflict`, `Invalid`, ...). */
export class ApiError extends CodedError {
  readonly status: Status;

  constructor(status: Status) {
    super(status.reason ?? "Unknown", status.message ?? `The API answered with code ${status.code}`);
    this.status = status;
  }
}

/** Whether the API said that there is no such object. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status.code === 404;
}

/** Whether the object changed since it was read: read it again and retry. */
export function isConflict(error: unknown): boolean {
  return error instanceof ApiError && error.status.reason === "Conflict";
}

/** Whether an object with this name exists already. */
export function isAlreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.status.reason === "AlreadyExists";
}

/** Whether the watch or list asked for history that is no longer kept: list again. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status.code === 410;
}
