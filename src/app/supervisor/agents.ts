import type { ChildProcess } from "node:child_process";
import { CodedError } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { setCable } from "../../lab/index.ts";
import type { NodeMachine } from "../../lab/index.ts";
import type { AgentInput, Barrier, FromAgent, ToAgent } from "../agent-messages.ts";
import { spawnAgent } from "./spawn-agent.ts";

/** How long to wait before an agent that ended by itself is started again, in milliseconds. */
const restartDelayMs = 200;

/** How new a node must be: resource versions of its newest Service and EndpointSlice. */
export type Versions = Pick<Barrier, "services" | "endpointSlices">;

/** The agents of a lab's nodes: one process in each node's network namespace, started again when it ends by itself. */
export interface Agents {
  /** Cuts a node's power: its agent is killed and its cable pulled. Throws `CodedError` "NoSuchNode". */
  stopNode(name: string): void;
  /** Brings a stopped node back. Throws `CodedError` "NoSuchNode". */
  startNode(name: string): void;
  /**
   * Resolves when every wanted node is at least at these resource versions: rules in the kernel,
   * names in the DNS.
   */
  whenApplied(versions: Versions): Promise<void>;
  stop(): void;
}

interface RunningNode {
  readonly machine: NodeMachine;
  readonly input: AgentInput;
  process: ChildProcess | undefined;
  wanted: boolean;
  /** Who waits for its agent to be started or given up. */
  readonly changed: (() => void)[];
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
    const early = idle.shift();
    const child = early?.exitCode === null && early.signalCode === null ? early : spawnAgent(node.input.directory);
    node.process = child;
    tellChanged(node);
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

  /** Asks until an agent has answered: one that ends in between is started again, and asked again. */
  async function applied(node: RunningNode, versions: Versions): Promise<void> {
    while (node.wanted) {
      const agent = node.process;
      if (agent === undefined) await new Promise<void>((resolve) => void node.changed.push(resolve));
      else if (await answers(agent, versions)) return;
    }
  }

  /** Whether the agent answered before it ended. */
  function answers(agent: ChildProcess, versions: Versions): Promise<boolean> {
    const id = nextWaiter++;
    return new Promise((resolve) => {
      const finish = (answered: boolean) => {
        waiters.delete(id);
        agent.off("exit", gone);
        resolve(answered);
      };
      const gone = () => finish(false);
      waiters.set(id, () => finish(true));
      agent.once("exit", gone);
      const question: ToAgent = { kind: "barrier", id, ...versions };
      agent.send(question, () => undefined);
    });
  }

  const running = nodes.map(({ machine, input }): RunningNode => ({
    machine,
    input,
    process: undefined,
    wanted: true,
    changed: [],
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
      tellChanged(node);
    },
    startNode(name) {
      const node = find(name);
      setCable(node.machine, "up");
      node.wanted = true;
      if (node.process === undefined) start(node);
    },
    async whenApplied(versions) {
      await Promise.all(running.map((node) => applied(node, versions)));
    },
    stop() {
      for (const node of running) {
        node.wanted = false;
        node.process?.kill("SIGKILL");
      }
    },
  };
}

function tellChanged(node: RunningNode): void {
  for (const tell of node.changed.splice(0)) tell();
}
