import type { ChildProcess } from "node:child_process";
import { CodedError } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { setCable } from "../../lab/index.ts";
import type { NodeMachine } from "../../lab/index.ts";
import type { AgentInput, FromAgent, ToAgent } from "../agent-messages.ts";
import { spawnAgent } from "./spawn-agent.ts";

/** How long to wait before an agent that ended by itself is started again, in milliseconds. */
const restartDelayMs = 200;

/** The agents of a lab's nodes: one process in each node's network namespace, started again when it ends by itself. */
export interface Agents {
  /** Cuts a node's power: its agent is killed and its cable pulled. Throws `CodedError` "NoSuchNode". */
  stopNode(name: string): void;
  /** Brings a stopped node back. Throws `CodedError` "NoSuchNode". */
  startNode(name: string): void;
  /**
   * Resolves when every running agent has brought its node to at least these resource versions: rules in the kernel,
   * names in the DNS.
   */
  whenApplied(versions: { readonly services: string; readonly endpointSlices: string }): Promise<void>;
  stop(): void;
}

interface RunningNode {
  readonly machine: NodeMachine;
  readonly input: AgentInput;
  process: ChildProcess | undefined;
  wanted: boolean;
}

/** Starts the agents of these nodes, in processes that are there already as far as there are some. */
export function startAgents(
  nodes: readonly { readonly machine: NodeMachine; readonly input: AgentInput }[],
  early: readonly ChildProcess[],
  log: Logger,
): Agents {
  const idle = [...early];
  const waiters = new Map<number, () => void>();
  let nextWaiter = 0;

  function start(node: RunningNode): void {
    const child = idle.shift() ?? spawnAgent(node.input.directory);
    node.process = child;
    child.on("message", (message) => {
      const report = message as FromAgent;
      waiters.get(report.id)?.();
    });
    child.once("error", (error) => log.error("agent failed", { node: node.machine.name, error }));
    child.once("exit", (code, signal) => {
      if (node.process !== child) return;
      node.process = undefined;
      if (!node.wanted) return;
      log.warn("agent ended by itself, starting it again", { node: node.machine.name, code, signal });
      setTimeout(() => node.wanted && node.process === undefined && start(node), restartDelayMs);
    });
    const message: ToAgent = { kind: "start", namespace: node.machine.namespace, input: node.input };
    child.send(message, () => undefined);
  }

  const running = nodes.map(({ machine, input }): RunningNode => ({
    machine,
    input,
    process: undefined,
    wanted: true,
  }));
  const find = (name: string) => {
    const node = running.find(({ machine }) => machine.name === name);
    if (node !== undefined) return node;
    const names = running.map(({ machine }) => machine.name).join(", ");
    throw new CodedError("NoSuchNode", `This lab has no node ${JSON.stringify(name)}; its nodes are ${names}`);
  };
  for (const node of running) start(node);

  return {
    stopNode(name) {
      const node = find(name);
      node.wanted = false;
      setCable(node.machine, "down");
      node.process?.kill("SIGKILL");
    },
    startNode(name) {
      const node = find(name);
      setCable(node.machine, "up");
      node.wanted = true;
      if (node.process === undefined) start(node);
    },
    async whenApplied(versions) {
      const asked = running.flatMap(({ process: agent, wanted }) => {
        if (agent === undefined || !wanted) return [];
        const id = nextWaiter++;
        return [
          new Promise<void>((resolve) => {
            const done = () => {
              waiters.delete(id);
              resolve();
            };
            waiters.set(id, done);
            agent.once("exit", done);
            const question: ToAgent = { kind: "barrier", id, ...versions };
            agent.send(question, () => undefined);
          }),
        ];
      });
      await Promise.all(asked);
    },
    stop() {
      for (const node of running) {
        node.wanted = false;
        node.process?.kill("SIGKILL");
      }
    },
  };
}
