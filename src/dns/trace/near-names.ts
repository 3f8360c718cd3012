/** The names that somebody may have meant who wrote `name`, the likeliest first; three at most. */
export function nearNames(name: string, known: Iterable<string>): readonly string[] {
  const most = name.length <= 3 ? 1 : 2;
  const near: (readonly [distance: number, name: string])[] = [];
  for (const one of new Set(known)) {
    if (one === name || Math.abs(one.length - name.length) > most) continue;
    const distance = editDistance(name, one);
    if (distance <= most) near.push([distance, one]);
  }
  near.sort(([a, x], [b, y]) => a - b || (x < y ? -1 : 1));
  return near.slice(0, 3).map(([, one]) => one);
}

/** How many letters must be put in, taken out, replaced, or swapped with their neighbour. */
function editDistance(a: string, b: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          (last[j] ?? 0) + 1,
          (row[j - 1] ?? 0) + 1,
          (last[j - 1] ?? 0) + (same ? 0 : 1),
          isSwap ? (beforeLast[j - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
