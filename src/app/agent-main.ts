import { messageOf } from "../core/index.ts";
import type { AgentInput, FromAgent, ToAgent } from "./agent-messages.ts";
import { startAgent } from "./agent.ts";

const input = JSON.parse(process.argv[2] ?? "null") as AgentInput | null;
if (input === null) throw new TypeError("The agent is started by the supervisor, with its settings as JSON");

// The supervisor's end of the channel closes when the supervisor dies; without it the node has no cluster.
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));

try {
  const agent = await startAgent(input);
  process.on("message", (message) => {
    const question = message as ToAgent;
    void agent.whenApplied(question).then(() => {
      const answer: FromAgent = { kind: "applied", id: question.id };
      process.send?.(answer);
    });
  });
} catch (error) {
  process.stderr.write(`agent of ${input.nodeName}: ${error instanceof Error ? error.stack : messageOf(error)}\n`);
  process.exit(1);
}
