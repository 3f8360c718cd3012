/** A table as text: titles, then a line for each row, numbers to the right. */
export function table<Row>(
  rows: readonly Row[],
  columns: readonly (readonly [title: string, of: (row: Row) => string])[],
): string {
  const lines = [columns.map(([title]) => title), ...rows.map((row) => columns.map(([, of]) => of(row)))];
  const widths = columns.map((_, i) => Math.max(...lines.map((cells) => cells[i]?.length ?? 0)));
  return lines.map((cells) => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  ")).join("\n");
}
