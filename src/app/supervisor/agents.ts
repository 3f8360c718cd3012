import type { ChildProcess } from "node:child_process";
import { CodedError } from "../../core/index.ts";
import type { Logger } from "../../core/index.ts";
import { setCable } from "../../lab/index.ts";
import type { NodeMachine } from "../../lab/index.ts";
import type { AgentInput, AgentQuestionName, AgentQuestions, Barrier, FromAgent, ToAgent } from "../agent-messages.ts";
import type { ProxyMode } from "../../proxy/index.ts";
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
  /** Asks one node's agent. Rejects with `CodedError`: "NoSuchNode", "NodeDown", or the agent's own error. */
  ask<Name extends AgentQuestionName>(
    node: string,
    name: Name,
    body: AgentQuestions[Name]["question"],
  ): Promise<AgentQuestions[Name]["answer"]>;
  /** Switches the proxy of a node; it keeps the mode when its agent is started again. Rejects as `ask` does. */
  setProxyMode(node: string, mode: ProxyMode): Promise<void>;
  stop(): void;
}

interface RunningNode {
  readonly machine: NodeMachine;
  input: AgentInput;
  process: ChildProcess | undefined;
  wanted: boolean;
  /** Who waits for its agent to be started or given up. */
  readonly changed: (() => void)[];
}

/**
 * Starts the agents of these nodes, in processes that are there already as far as there are some. `unusable` is told when
 * a node cannot be what it is asked to be on this machine.
 */
export function startAgents(
  nodes: readonly { readonly machine: NodeMachine; readonly input: AgentInput }[],
  early: readonly ChildProcess[],
  log: Logger,
  unusable: (message: string) => void,
): Agents {
  const idle = [...early];
  const waiters = new Map<number, (answer: FromAgent) => void>();
  let nextWaiter = 0;

  function start(node: RunningNode): void {
    const early = idle.shift();
    const child = early?.exitCode === null && early.signalCode === null ? early : spawnAgent(node.input.directory);
    node.process = child;
    tellChanged(node);
    child.on("message", (message) => {
      const report = message as FromAgent;
      if (report.kind === "unusable") unusable(report.message);
      else waiters.get(report.id)?.(report);
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
    node.input = { ...node.input, isSuccessor: true };
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
  async function answers(agent: ChildProcess, versions: Versions): Promise<boolean> {
    return (await exchange(agent, (id) => ({ kind: "barrier", id, ...versions }))) !== undefined;
  }

  /** The agent's answer; `undefined` when it ended before it gave one. */
  function exchange(agent: ChildProcess, message: (id: number) => ToAgent): Promise<FromAgent | undefined> {
    const id = nextWaiter++;
    return new Promise((resolve) => {
      const finish = (answer: FromAgent | undefined) => {
        waiters.delete(id);
        agent.off("exit", gone);
        resolve(answer);
      };
      const gone = () => finish(undefined);
      waiters.set(id, finish);
      agent.once("exit", gone);
      agent.send(message(id), () => undefined);
    });
  }

  async function ask<Name extends AgentQuestionName>(
    nodeName: string,
    name: Name,
    body: AgentQuestions[Name]["question"],
  ): Promise<AgentQuestions[Name]["answer"]> {
    const { process: agent } = find(nodeName);
    const answer =
      agent === undefined ? undefined : await exchange(agent, (id) => ({ kind: "question", id, name, body }));
    if (answer === undefined) {
      throw new CodedError("NodeDown", `The agent of ${nodeName} does not run: sealane node start ${nodeName}`);
    }
    if (answer.kind === "failed") throw new CodedError(answer.code ?? "AgentFailed", answer.message);
    if (answer.kind !== "answer") throw new TypeError(`an answer of kind ${answer.kind} to a question`);
    // Both ends of the channel are of the same version.
    return answer.value as AgentQuestions[Name]["answer"];
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
    ask,
    async setProxyMode(name, mode) {
      await ask(name, "set-proxy-mode", { mode });
      const node = find(name);
      node.input = { ...node.input, proxy: { ...node.input.proxy, mode } };
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
