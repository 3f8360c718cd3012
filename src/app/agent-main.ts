import { CodedError, messageOf } from "../core/index.ts";
import { enterNamespace, libc } from "../kernel/index.ts";
import type { AgentQuestionName, AgentQuestions, FromAgent, Question, ToAgent } from "./agent-messages.ts";
import { startAgent } from "./agent.ts";
import type { Agent } from "./agent.ts";

// Loaded while the supervisor still builds the node's network: the first message says where to go and what to do.
libc();

// The supervisor's end of the channel closes when the supervisor dies; without it the node has no cluster.
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));

let agent: Promise<Agent> | undefined;

process.on("message", (received) => {
  // Both ends of the channel are of the same version.
  const message = received as ToAgent;
  if (message.kind === "start") {
    enterNamespace(message.namespace);
    agent = startAgent(message.input);
    agent.catch((error: unknown) => {
      if (error instanceof CodedError && error.code === "ProxyModeUnavailable") {
        const report: FromAgent = { kind: "unusable", message: `${message.input.nodeName}: ${error.message}` };
        process.send?.(report);
        return;
      }
      const reason = error instanceof Error ? error.stack : messageOf(error);
      process.stderr.write(`agent of ${message.input.nodeName}: ${reason}\n`);
      process.exit(1);
    });
    return;
  }
  if (agent === undefined) return;
  const { id } = message;
  const answer: Promise<FromAgent> =
    message.kind === "barrier"
      ? agent.then((running) => running.whenApplied(message)).then(() => ({ kind: "applied", id }))
      : agent.then((running) => answerQuestion(running, message)).then((value) => ({ kind: "answer", id, value }));
  const failed = (error: unknown): FromAgent => ({
    kind: "failed",
    id,
    code: error instanceof CodedError ? error.code : undefined,
    message: messageOf(error),
  });
  void answer.catch(failed).then((reply) => process.send?.(reply));
});

function answerQuestion(
  { proxy, dns }: Agent,
  question: Question,
): Promise<AgentQuestions[AgentQuestionName]["answer"]> {
  switch (question.name) {
    case "proxy-status":
      return Promise.resolve(proxy.status());
    case "set-proxy-mode": {
      // The name decides what the body is; the type cannot say so.
      const { mode } = question.body as AgentQuestions["set-proxy-mode"]["question"];
      return proxy.setMode(mode).then(() => null);
    }
    case "begin-explaining": {
      dns.explanations.begin((question.body as AgentQuestions["begin-explaining"]["question"]).port);
      return Promise.resolve(null);
    }
    case "end-explaining": {
      const { port } = question.body as AgentQuestions["end-explaining"]["question"];
      return Promise.resolve(dns.explanations.end(port));
    }
  }
}
