import { messageOf } from "../core/index.ts";
import { enterNamespace, libc } from "../kernel/index.ts";
import type { FromAgent, ToAgent } from "./agent-messages.ts";
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
      const reason = error instanceof Error ? error.stack : messageOf(error);
      process.stderr.write(`agent of ${message.input.nodeName}: ${reason}\n`);
      process.exit(1);
    });
    return;
  }
  void agent
    ?.then((running) => running.whenApplied(message))
    .then(() => {
      const answer: FromAgent = { kind: "applied", id: message.id };
      process.send?.(answer);
    });
});
