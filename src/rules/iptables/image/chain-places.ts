import { fixedChains } from "../chain-names.ts";
import { isOurs } from "../removal-script.ts";
import { chainHeadSize, writeChainFoot, writeChainHead } from "./rule-bytes.ts";
import type { PlacedTable, TableEditor } from "./table-editor.ts";
import { entriesAtOnce } from "./table-image.ts";
import type { WantedChains } from "./wanted-chains.ts";

/** Where the chains of a table will be: their numbers in order, and for each the gap that it is in and where in it. */
export interface ChainPlan {
  readonly order: Uint32Array;
  readonly gaps: Uint32Array;
  readonly offsets: Float64Array;
  /** Whether the gap has the rules of the chain only: its first and last entry are there and stay, because others lead to it. */
  readonly stays: Uint8Array;
}

/** Behind every name. */
const afterAll = "\u{10ffff}";

/**
 * Takes all our chains out of a table and plans the wanted ones in, in few splices: what others lead to and the chains of
 * others stay, and everything between two of those is one splice. Of our own chains that nobody wants, those that others lead to stay,
 * empty, and `KUBE-FIREWALL`, which the kubelet may want.
 */
export function* planChains(editor: TableEditor, wanted: WantedChains): Generator<undefined, ChainPlan> {
  const { chains } = editor;
  const used = yield* usedByOthers(editor);
  const order = wanted.sorted();
  const plan = {
    order,
    gaps: new Uint32Array(order.length),
    offsets: new Float64Array(order.length),
    stays: new Uint8Array(order.length),
  };
  let next = 0;
  const nextName = (): string => (next < order.length ? wanted.name(order[next] ?? 0) : afterAll);
  let coming = nextName();
  let gap = { at: chains.head(0), removed: 0, size: 0, entries: 0, members: [] as number[] };
  const close = (at: number): void => {
    if (gap.removed + gap.size > 0) {
      const number = editor.splice(gap);
      for (const member of gap.members) plan.gaps[member] = number;
    }
    gap = { at, removed: 0, size: 0, entries: 0, members: [] };
  };
  const come = (): void => {
    const number = order[next] ?? 0;
    plan.offsets[next] = gap.size;
    gap.size += wanted.wholeSize(number);
    gap.entries += wanted.rules(number) + 2;
    gap.members.push(next++);
  };
  for (let index = 0; index < chains.count; index++) {
    if (index % entriesAtOnce === 0) yield;
    const name = chains.name(index);
    for (; coming < name; coming = nextName()) come();
    const number = coming === name ? order[next] : undefined;
    const isKept = number === undefined && (!isOurs(name) || name === fixedChains.firewall);
    if (isKept) close(chains.head(index + 1));
    else if (!used.has(name)) {
      gap.removed += chains.head(index + 1) - chains.head(index);
      if (number !== undefined) come();
    } else {
      close(chains.head(index));
      const at = chains.firstRule(index);
      const entries = number === undefined ? 0 : wanted.rules(number);
      const size = number === undefined ? 0 : wanted.size(number);
      const splice = editor.splice({ at, removed: chains.foot(index) - at, size, entries });
      if (number !== undefined) {
        plan.gaps[next] = splice;
        plan.stays[next++] = 1;
      }
      close(chains.head(index + 1));
    }
    if (number !== undefined) coming = nextName();
  }
  while (next < order.length) come();
  close(0);
  return plan;
}

/** The names of the chains that rules lead to which are not in chains of ours. */
function* usedByOthers(editor: TableEditor): Generator<undefined, ReadonlySet<string>> {
  const used = new Set<string>();
  const look = (rules: Iterable<number>): void => {
    for (const at of rules) if (!editor.isRemoved(at)) used.add(editor.jumpOf(at) ?? "");
  };
  for (const hook of editor.hooks) look(editor.rulesOf(hook));
  for (let index = 0; index < editor.chains.count; index++) {
    if (index % entriesAtOnce === 0) yield;
    const name = editor.chains.name(index);
    if (!isOurs(name)) look(editor.rulesOf(name));
  }
  return used;
}

/** Writes the first and last entries of all chains; gives back where the rules of each begin, by its number in `wanted`. */
export function* placeChains(
  { gap, view, bytes }: PlacedTable,
  { order, gaps, offsets, stays }: ChainPlan,
  wanted: WantedChains,
): Generator<undefined, Float64Array> {
  const { layout } = wanted;
  const starts = new Float64Array(wanted.count);
  for (const [i, number] of order.entries()) {
    if (i % entriesAtOnce === 0) yield;
    const at = gap(gaps[i] ?? 0) + (offsets[i] ?? 0);
    if (stays[i] === 1) {
      starts[number] = at;
      continue;
    }
    starts[number] = writeChainHead(view, bytes, at, wanted.name(number), layout);
    writeChainFoot(view, bytes, at + chainHeadSize(layout) + wanted.size(number), layout);
  }
  return starts;
}
