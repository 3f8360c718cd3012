import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import type { Cancel, Clock, Logger, Protocol } from "../../core/index.ts";
import { messageOf } from "../../core/index.ts";
import { inNamespace } from "../../kernel/index.ts";
import type { StandInIdentity } from "./answer.ts";
import { control, controlPort, initialState } from "./control.ts";
import type { StandInState } from "./control.ts";
import type { HttpConnection, HttpOwner, StandInHttp } from "./http.ts";
import { openUdp } from "./udp.ts";

/** One port that a stand-in serves. */
export interface StandInPort {
  readonly port: number;
  readonly protocol: Exclude<Protocol, "SCTP">;
  /** Where the socket is opened; `node` serves a container's hostPort. */
  readonly place: "pod" | "node";
  readonly container?: string;
  readonly image?: string;
}

/** What a stand-in needs around it. */
export interface StandInOptions {
  readonly identity: StandInIdentity;
  /** Network namespaces of the pod and of its node (paths). */
  readonly namespaces: { readonly pod: string; readonly node: string };
  readonly http: StandInHttp;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called after someone changed the state over the wire. */
  readonly onStateChange?: () => void;
  /** Called when a port could not be opened (then with the reason) or works again (undefined). */
  readonly onPortProblem?: (port: StandInPort, problem: string | undefined) => void;
}

interface Listener {
  readonly close: () => void;
}

const retryMs = 2000;

/** The servers that answer for one pod (or outside host): TCP with HTTP, UDP echo, all in its own namespace. */
export class StandIn implements HttpOwner {
  readonly identity: StandInIdentity;
  readonly #options: StandInOptions;
  readonly #listeners = new Map<string, Listener>();
  readonly #sockets = new Map<Socket, HttpConnection>();
  #ports: readonly StandInPort[] = [];
  #state = initialState;
  #draining = false;
  #revive: Cancel | undefined;

  constructor(options: StandInOptions) {
    this.identity = options.identity;
    this.#options = options;
  }

  get state(): StandInState {
    return this.#state;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** Opens and closes sockets until exactly these ports are served. Connections of kept ports stay. */
  setPorts(ports: readonly StandInPort[]): void {
    this.#ports = ports;
    this.#sync();
  }

  /** Sets the behaviour, as a request over the wire would. */
  setState(state: StandInState): void {
    this.#revive?.();
    this.#revive = undefined;
    this.#state = state;
    this.#sync();
    if (state.dead) for (const socket of this.#sockets.keys()) socket.destroy();
  }

  /** As if the containers' processes had been started again: connections are cut, the behaviour is the initial one. */
  restart(): void {
    this.#closeListeners();
    for (const socket of this.#sockets.keys()) socket.destroy();
    this.setState(initialState);
  }

  /** From now on answers ask clients to close their connections; new ones are still served. */
  drain(): void {
    this.#draining = true;
  }

  /** Stops listening, closes idle connections, and calls `idle` when the last answer is out. */
  finish(idle: () => void): void {
    this.#draining = true;
    this.#closeListeners();
    this.#ports = [];
    const closeIdle = () => {
      for (const [socket, connection] of this.#sockets) if (connection.active === 0) socket.end();
      if (![...this.#sockets.values()].some((connection) => connection.active > 0)) return idle();
      this.#options.clock.schedule(20, closeIdle);
    };
    closeIdle();
  }

  /** Closes everything at once. */
  stop(): void {
    this.#revive?.();
    this.#ports = [];
    this.#closeListeners();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  control(method: string, path: string): { readonly code: number; readonly body: string } {
    const result = control(this.#state, method, path);
    if (result.kind === "refused") return { code: 400, body: `${JSON.stringify({ error: result.message })}\n` };
    if (result.state !== this.#state) {
      // The answer to this very request goes out before a dead stand-in cuts its connections.
      this.#options.clock.schedule(result.state.dead && !this.#state.dead ? 10 : 0, () => {
        this.setState(result.state);
        const { reviveAfterMs } = result;
        if (reviveAfterMs !== undefined) {
          this.#revive = this.#options.clock.schedule(reviveAfterMs, () => {
            this.setState({ ...this.#state, dead: false });
            this.#options.onStateChange?.();
          });
        }
        this.#options.onStateChange?.();
      });
    }
    return { code: 200, body: `${JSON.stringify({ ...this.identity, ...result.state })}\n` };
  }

  #sync(): void {
    const wanted = new Map(this.#wantedPorts().map((port) => [`${port.place} ${port.protocol} ${port.port}`, port]));
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      listener.close();
      this.#listeners.delete(key);
    }
    for (const [key, port] of wanted) {
      if (!this.#listeners.has(key)) this.#open(key, port);
    }
  }

  #wantedPorts(): readonly StandInPort[] {
    if (!this.#state.dead) return this.#ports;
    return this.#ports.length === 0 ? [] : [{ port: controlPort, protocol: "TCP", place: "pod" }];
  }

  #open(key: string, port: StandInPort): void {
    const { clock, namespaces, onPortProblem } = this.#options;
    let closed = false;
    let cancelRetry: Cancel | undefined;
    let close: (() => void) | undefined;
    const attempt = () => {
      const problem = (error: Error) => {
        close = undefined;
        if (closed) return;
        onPortProblem?.(port, messageOf(error));
        cancelRetry = clock.schedule(retryMs, attempt);
      };
      const opened = () => onPortProblem?.(port, undefined);
      const open = () =>
        port.protocol === "TCP"
          ? this.#listen(port, opened, problem)
          : openUdp({ port, identity: this.identity, clock, opened, problem });
      close = inNamespace(namespaces[port.place], open);
    };
    const listener = {
      close: () => {
        closed = true;
        cancelRetry?.();
        close?.();
      },
    };
    this.#listeners.set(key, listener);
    try {
      attempt();
    } catch (error) {
      onPortProblem?.(port, messageOf(error));
    }
  }

  #listen(port: StandInPort, opened: () => void, problem: (error: Error) => void): () => void {
    const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket, port));
    server.on("error", problem);
    server.on("listening", opened);
    // Without a host the socket is made before listen() returns: while the thread is still in the namespace.
    server.listen(port.port, 511);
    return () => void server.close();
  }

  #accept(socket: Socket, port: StandInPort): void {
    const connection: HttpConnection = {
      owner: this,
      port: socket.localPort ?? port.port,
      ...(port.container === undefined ? {} : { container: port.container }),
      ...(port.image === undefined ? {} : { image: port.image }),
      active: 0,
    };
    this.#sockets.set(socket, connection);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    this.#options.http.serve(socket, connection);
  }

  #closeListeners(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }
}
