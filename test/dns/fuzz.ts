import { readFileSync } from "node:fs";
import type { Random } from "../../src/core/index.ts";

/** A message to begin with. */
export interface Seed {
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** The messages in `test/dns/corpus`: one line each, `label: hexadecimal digits`. Add what a fuzzer has found. */
export function corpus(): readonly Seed[] {
  const text = readFileSync(new URL("corpus/messages.txt", import.meta.url), "utf8");
  return text.split("\n").flatMap((line) => {
    const [label = "", digits = ""] = line.split(": ");
    return digits === "" ? [] : [{ label, bytes: new Uint8Array(Buffer.from(digits, "hex")) }];
  });
}

/** Numbers that lengths, counts and pointers break at. */
const edges = [0, 1, 12, 63, 64, 127, 128, 191, 192, 254, 255] as const;

/** A message that was good and is so no more in one to four places, or, seldom, nothing but chance. */
export function mutated(seeds: readonly Seed[], random: Random): Uint8Array {
  const upTo = (limit: number) => Math.floor(random() * limit);
  const pick = () => seeds[upTo(seeds.length)]?.bytes ?? new Uint8Array(0);
  if (upTo(50) === 0) return Uint8Array.from({ length: upTo(600) }, () => upTo(256));
  let bytes = [...pick()];
  for (let times = 1 + upTo(4); times > 0; times--) {
    const at = upTo(bytes.length);
    switch (upTo(8)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << upTo(8));
        break;
      case 1:
        bytes[at] = upTo(256);
        break;
      case 2:
        bytes[at] = edges[upTo(edges.length)] ?? 0;
        break;
      case 3:
        bytes = bytes.slice(0, at);
        break;
      case 4:
        bytes.splice(at, 1 + upTo(8));
        break;
      case 5:
        bytes.splice(at, 0, ...Array.from({ length: 1 + upTo(8) }, () => upTo(256)));
        break;
      case 6:
        // A pointer to anywhere.
        bytes.splice(at, 2, 0xc0 | upTo(2), upTo(256));
        break;
      default: {
        const other = pick();
        bytes = [...bytes.slice(0, at), ...other.subarray(upTo(other.length))];
      }
    }
  }
  return Uint8Array.from(bytes);
}
