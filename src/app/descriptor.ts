import type { Server } from "node:net";

/** The descriptor behind a listening server; Node hands it out on the internal handle only. */
export function descriptorOf(server: Server): number {
  const handle = (server as unknown as { readonly _handle: { readonly fd: number } })._handle;
  return handle.fd;
}
