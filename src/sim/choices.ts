/** Takes one of several ways, by weights above zero; gives its index. */
export type Choose = (weights: readonly number[]) => number;

/** One way that a walk can take, and how likely it is. */
export interface Way<T> {
  readonly probability: number;
  readonly result: T;
}

/** Takes every way of a walk that leaves its decisions to `choose`. The walk must decide the same whenever it is told the same. */
export function everyWay<T>(walk: (choose: Choose) => T): readonly Way<T>[] {
  const ways: Way<T>[] = [];
  const path: number[] = [];
  for (;;) {
    const sizes: number[] = [];
    let probability = 1;
    const result = walk((weights) => {
      const depth = sizes.length;
      const index = path[depth] ?? 0;
      path[depth] = index;
      sizes.push(weights.length);
      const sum = weights.reduce((total, weight) => total + weight, 0);
      probability *= (weights[index] ?? 0) / sum;
      return index;
    });
    if (probability > 0) ways.push({ probability, result });
    let depth = sizes.length - 1;
    while (depth >= 0 && (path[depth] ?? 0) + 1 >= (sizes[depth] ?? 0)) depth--;
    if (depth < 0) return ways;
    path[depth] = (path[depth] ?? 0) + 1;
    path.length = depth + 1;
  }
}
