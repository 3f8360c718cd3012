import type { Ip } from "../../core/index.ts";
import type { Pod } from "../../objects/index.ts";

/** Where a built-in program runs: its pod, the pod's address, and the way to open sockets there. */
export interface BuiltInPlace {
  readonly pod: Pod;
  readonly address: Ip;
  /** Path of the pod's network namespace. */
  readonly namespace: string;
  /** Runs a synchronous function in the pod's network namespace. */
  readonly inNamespace: <T>(run: () => T) => T;
}

/** A running built-in program. */
export interface RunningBuiltIn {
  /** Stops it in good order; the pod's namespace goes when the promise resolves. */
  stop(): void | Promise<void>;
}

/** Starts a program of this package in place of a container. */
export type BuiltIn = (place: BuiltInPlace) => RunningBuiltIn | Promise<RunningBuiltIn>;

/** Built-in programs by image without tag or digest: `sealane/ingress`. */
export type BuiltIns = Readonly<Record<string, BuiltIn>>;

/** The built-in program for an image, if there is one. */
export function builtInFor(builtIns: BuiltIns, image: string | undefined): BuiltIn | undefined {
  const name = (image ?? "").replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  return Object.hasOwn(builtIns, name) ? builtIns[name] : undefined;
}
