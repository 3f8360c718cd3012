import type {
  Answer,
  ClusterFacts,
  ExplainedMessage,
  ExplainedName,
  NoteTaker,
  QuestionNote,
} from "../../dns/index.ts";
import { nameReason } from "../../dns/index.ts";

/** Questions from more ports are not listened for at the same time. */
const mostPorts = 256;

/** Listens for questions that somebody wants explained: those that come from certain ports of clients. */
export interface Explanations {
  begin(port: number): void;
  /** What was heard since `begin`, in the order of the questions; nothing for a port that was not listened for. */
  end(port: number): readonly ExplainedMessage[];
}

/** Who may take notes about a message, when it comes; `undefined` for messages that nobody wants explained. */
export type Watcher = (...message: Parameters<Answer>) => NoteTaker | undefined;

interface Heard {
  readonly id: number;
  readonly notes: QuestionNote[];
}

/**
 * Takes notes about questions from the ports that it is told. `watch` is called with who listens when the first port comes, and
 * with nothing after the last one, so that nobody pays when nobody listens.
 */
export function createExplanations(
  watch: (watcher: Watcher | undefined) => void,
  facts: () => readonly ClusterFacts[],
): Explanations {
  const ports = new Map<number, Heard[]>();

  const watcher: Watcher = (query, _transport, client) => {
    const heard = ports.get(client?.port ?? 0);
    if (heard === undefined) return undefined;
    const one: Heard = { id: ((query[0] ?? 0) << 8) | (query[1] ?? 0), notes: [] };
    heard.push(one);
    return (note) => void one.notes.push(note);
  };

  return {
    begin: (port) => {
      const [oldest] = ports.keys();
      if (ports.size >= mostPorts && oldest !== undefined) ports.delete(oldest);
      ports.set(port, []);
      watch(watcher);
    },
    end: (port) => {
      const heard = ports.get(port) ?? [];
      ports.delete(port);
      if (ports.size === 0) watch(undefined);
      // Only now, so that looking for reasons makes no answer late.
      return heard.map((one) => ({ ...one, reasons: reasonsOf(one.notes, facts()) }));
    },
  };
}

function reasonsOf(notes: readonly QuestionNote[], clusters: readonly ClusterFacts[]): readonly ExplainedName[] {
  return notes.flatMap((note) => {
    if (note.kind !== "answered" || note.plugin !== "kubernetes") return [];
    const reason = clusters
      .map((cluster) => nameReason(note.name, note.type, cluster))
      .find((one) => one !== undefined);
    return reason === undefined ? [] : [{ name: note.name, reason }];
  });
}
