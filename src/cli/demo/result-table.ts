import { style } from "../terminal.ts";

/** One proven (or refuted) row. */
export interface Result {
  readonly from: string;
  readonly to: string;
  readonly must: string;
  readonly seen: string;
  readonly ms: number;
  readonly holds: boolean;
}

const columns = [
  { title: "FROM", width: 9 },
  { title: "TO", width: 15 },
  { title: "MUST BE TRUE", width: 19 },
  { title: "SEEN", width: 19 },
] as const;

/** The table's head, 80 columns wide at most. */
export function tableHead(): string {
  return style("bold", `     ${columns.map(({ title, width }) => title.padEnd(width)).join("  ")}   TIME`.trimEnd());
}

/** One row over as many lines as its longest cell needs. */
export function tableRow({ from, to, must, seen, ms, holds }: Result): string {
  const cells = [from, to, must, seen].map((text, i) => wrap(text, columns[i]?.width ?? 10));
  const height = Math.max(...cells.map((lines) => lines.length));
  const time = ms < 10_000 ? `${(ms / 1000).toFixed(2)} s` : `${(ms / 1000).toFixed(1)} s`;
  const lines = Array.from({ length: height }, (_, line) => {
    const text = cells.map((cell, i) => (cell[line] ?? "").padEnd(columns[i]?.width ?? 10)).join("  ");
    const mark = line > 0 ? "     " : holds ? style("green", "yes  ") : style("red", "NO   ");
    return `${mark}${line > 0 ? text.trimEnd() : `${text} ${time.padStart(6)}`}`;
  });
  return lines.join("\n");
}

/** Breaks text into lines of at most `width` characters, between words where it can. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((part) => pieces(part, width))) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function pieces(word: string, width: number): readonly string[] {
  return Array.from({ length: Math.max(1, Math.ceil(word.length / width)) }, (_, i) =>
    word.slice(i * width, (i + 1) * width),
  );
}
