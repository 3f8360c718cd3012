const scales: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** Whether one quantity in canonical form is less than another (to the precision of a double). */
export function quantityIsLess(a: string, b: string): boolean {
  return quantityValue(a) < quantityValue(b);
}

function quantityValue(text: string): number {
  const match = /^([+-]?[0-9.]+)(?:([numkMGTPE]|[KMGTPE]i)|e([+-]?[0-9]+))?$/.exec(text);
  if (match === null) return Number.NaN;
  const scale = match[3] === undefined ? (scales[match[2] ?? ""] ?? Number.NaN) : 10 ** Number(match[3]);
  return Number(match[1]) * scale;
}
