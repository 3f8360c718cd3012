import { commentText, setName, toolOf } from "../../rules/ipvs/index.ts";
import type { Statement } from "../../rules/ipvs/index.ts";
import type { IpvsStep, SetChange } from "./ipvs-port.ts";

/** A batch has no more statements than these, so that a full load does not need memory for all of them at once. */
const longestBatch = 2000;

/** The statements as batches: neighbours that go to the same tool together. Each is made when it is asked for. */
export function* stepsOf(statements: readonly Statement[]): IterableIterator<IpvsStep> {
  for (let from = 0; from < statements.length;) {
    const tool = toolAt(statements, from);
    let to = from + 1;
    while (to < Math.min(statements.length, from + longestBatch) && toolAt(statements, to) === tool) to++;
    const batch = statements.slice(from, to);
    if (tool === "ipset") yield { kind: "members", changes: batch.flatMap(setChanges) };
    else if (tool === "ipvsadm") yield { kind: "servers", changes: batch.filter((one) => "server" in one) };
    else {
      const add = batch.flatMap((one) => (one.kind === "add-address" ? one.ip : []));
      const remove = batch.flatMap((one) => (one.kind === "delete-address" ? one.ip : []));
      yield { kind: "addresses", add, remove };
    }
    from = to;
  }
}

function toolAt(statements: readonly Statement[], at: number): ReturnType<typeof toolOf> | undefined {
  const statement = statements[at];
  return statement === undefined ? undefined : toolOf(statement);
}

function setChanges(statement: Statement): readonly SetChange[] {
  if (statement.kind !== "add-member" && statement.kind !== "delete-member") return [];
  const { set, family, element, mark, comment } = statement.member;
  const place = { set: setName(set, family), element };
  if (statement.kind === "delete-member") return [{ kind: "delete", ...place }];
  return [
    {
      kind: "add",
      ...place,
      ...(mark === undefined ? {} : { mark }),
      ...(comment === undefined ? {} : { comment: commentText(comment) }),
    },
  ];
}
