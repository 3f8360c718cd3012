import type { Socket } from "node:net";

/** Says something on an open connection to a pod, and gives back what comes back. Rejects when nothing does. */
export function echo(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("an open connection went silent")), 10_000);
    socket.once("data", (bytes) => {
      clearTimeout(timer);
      resolve(bytes.toString());
    });
    socket.write("still there");
  });
}
