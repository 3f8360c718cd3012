import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Clock, Logger } from "../../core/index.ts";
import { inNamespace, libc, writeFixedRules } from "../../kernel/index.ts";
import type { FixedRules } from "../../kernel/index.ts";
import { StandInHttp } from "../stand-in/http.ts";
import type { HttpOwner } from "../stand-in/http.ts";
import { initialState } from "../stand-in/control.ts";
import { openUdp } from "../stand-in/udp.ts";
import type { Machine } from "../topology/plan.ts";

/** A running host outside the cluster. */
export interface RunningOutsideHost {
  stop(): void;
}

const port = 1;

// What the host itself sends to its own address is not redirected: only what arrives on its link.
const rules: FixedRules = {
  purpose: "that let an outside host answer on every port",
  nft: {
    table: "sealane-outside",
    chains: {
      prerouting: [
        "type nat hook prerouting priority dstnat; policy accept;",
        `iifname "eth0" meta l4proto { tcp, udp } redirect to :${port}`,
      ],
    },
  },
  iptables: [
    {
      table: "nat",
      hook: "PREROUTING",
      name: "SEALANE-OUTSIDE",
      rules: ["tcp", "udp"].map((protocol) => `-i eth0 -p ${protocol} -j REDIRECT --to-ports ${port}`),
    },
  ],
};

/**
 * Makes a machine answer on every TCP port with who it is and what it saw (HTTP, else text), and echo on every UDP
 * port. Resolves when it answers.
 */
export async function startOutsideHost(host: Machine, clock: Clock, log: Logger): Promise<RunningOutsideHost> {
  const http = new StandInHttp(clock);
  const sockets = new Set<Socket>();
  const owner: HttpOwner = {
    identity: { host: host.name },
    state: initialState,
    draining: false,
    control: () => ({ code: 404, body: `${JSON.stringify({ error: "outside hosts cannot be steered" })}\n` }),
  };
  const server = inNamespace(host.namespace, () => {
    const made: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      http.serve(socket, { owner, port: askedPort(socket), active: 0 });
    });
    made.listen(port);
    return made;
  });
  server.on("error", (error) => log.error("outside host cannot listen", { host: host.name, reason: error.message }));
  const closeUdp = inNamespace(host.namespace, () =>
    openUdp({
      port: { port },
      identity: owner.identity,
      clock,
      opened: () => undefined,
      problem: (error) => log.error("outside host has no UDP", { host: host.name, reason: error.message }),
    }),
  );
  await writeFixedRules(rules, { namespace: host.namespace });
  return {
    stop: () => {
      closeUdp();
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The port that the client asked for, before the redirect: SO_ORIGINAL_DST of the connection. */
function askedPort(socket: Socket): number {
  const handle: unknown = "_handle" in socket ? socket._handle : undefined;
  const fd = typeof handle === "object" && handle !== null && "fd" in handle ? Number(handle.fd) : -1;
  const address = new Uint8Array(16);
  const length = new Uint8Array(new Uint32Array([address.length]).buffer);
  const result = fd < 0 ? -1 : libc().getsockopt(fd, 0, 80, address, length);
  return result === 0 ? ((address[2] ?? 0) << 8) | (address[3] ?? 0) : (socket.localPort ?? port);
}
