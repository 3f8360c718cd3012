import type { Socket } from "node:net";
import { messageOf, parseIp } from "../../core/index.ts";
import type { Clock, Ip } from "../../core/index.ts";
import { dialFrom } from "../dial.ts";
import { probeHeader } from "../stand-in/http.ts";
import type { ProbeAction, ProbeKind } from "./probe.ts";

/** How one run of a probe ended; `message` says why it failed, in the kubelet's words. */
export type ProbeResult = { readonly passed: true } | { readonly passed: false; readonly message: string };

/** From where and to whom a probe goes. */
export interface ProbeTarget {
  /** The node's network namespace (path). */
  readonly namespace: string;
  readonly address: Ip;
  readonly clock: Clock;
}

type DialledAction = Extract<ProbeAction, { readonly kind: "http" | "tcp" }>;

/** Runs an HTTP or TCP probe once and tells `done` exactly once. Returns how to give up silently. */
export function dialProbe(
  kind: ProbeKind,
  action: DialledAction,
  timeoutMs: number,
  target: ProbeTarget,
  done: (result: ProbeResult) => void,
): () => void {
  const address = (action.host === undefined ? undefined : parseIp(action.host)) ?? target.address;
  const where = address.includes(":") ? `[${address}]:${action.port}` : `${address}:${action.port}`;
  const url = action.kind === "http" ? `Get "http://${where}${action.path}": ` : "";
  let finished = false;
  let socket: Socket | undefined;
  const finish = (result: ProbeResult | undefined) => {
    if (finished) return;
    finished = true;
    cancelTimeout();
    // A reset leaves no TIME_WAIT behind: probes would pile them up.
    socket?.resetAndDestroy();
    if (result !== undefined) done(result);
  };
  const fail = (message: string) => finish({ passed: false, message });
  const cancelTimeout = target.clock.schedule(timeoutMs, () =>
    fail(
      action.kind === "http"
        ? `${url}context deadline exceeded (Client.Timeout exceeded while awaiting headers)`
        : `dial tcp ${where}: i/o timeout`,
    ),
  );
  try {
    socket = dialFrom(target.namespace, address, action.port);
  } catch (error) {
    const message = `${url}dial tcp ${where}: ${messageOf(error)}`;
    const cancel = target.clock.schedule(0, () => fail(message));
    return () => {
      cancel();
      finish(undefined);
    };
  }
  socket.on("error", (error: NodeJS.ErrnoException) => fail(`${url}dial tcp ${where}: connect: ${reason(error)}`));
  if (action.kind === "tcp") {
    socket.on("connect", () => finish({ passed: true }));
    return () => finish(undefined);
  }
  socket.on("connect", () => socket?.write(requestText(kind, action, where)));
  socket.on("end", () => fail(`${url}EOF`));
  let head = "";
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    head += chunk;
    const status = /^HTTP\/1\.[01] ([0-9]{3})/.exec(head)?.[1];
    if (status === undefined) {
      if (head.length >= 12) fail(`${url}malformed HTTP response`);
      return;
    }
    const code = Number(status);
    if (code >= 200 && code < 400) finish({ passed: true });
    else fail(`HTTP probe failed with statuscode: ${code}`);
  });
  return () => finish(undefined);
}

function requestText(kind: ProbeKind, action: DialledAction & { kind: "http" }, where: string): string {
  const headers = new Map<string, string>([
    ["host", where],
    ["user-agent", "kube-probe/1.36"],
    ["accept", "*/*"],
    ["connection", "close"],
  ]);
  for (const { name, value } of action.headers) headers.set(name.toLowerCase(), value);
  headers.set(probeHeader, kind);
  const lines = [...headers].map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n]/g, " ")}`);
  return `GET ${action.path.replaceAll(/\s/g, "%20")} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

function reason(error: NodeJS.ErrnoException): string {
  const texts: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused",
    EHOSTUNREACH: "no route to host",
    ENETUNREACH: "network is unreachable",
    ECONNRESET: "connection reset by peer",
  };
  return texts[error.code ?? ""] ?? error.message;
}
