// How long this place waits for names: the middle of 1000 lookups each, by the resolver that programs here have.
import { lookup } from "node:dns/promises";

for (const name of process.argv.slice(2)) {
  const times = [];
  for (let i = 0; i < 1000; i++) {
    const start = performance.now();
    await lookup(name, { all: true });
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  process.stdout.write(`${name.padEnd(30)} ${Math.round(1000 * times[500])} us\n`);
}
