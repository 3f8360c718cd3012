/** Thousandths of a CPU in a quantity such as `2`, `0.5` or `250m`; `undefined` for other forms and for nothing. */
export function milliCpu(quantity: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(quantity ?? "");
  if (match === null) return undefined;
  const value = Number(match[1]) * (match[2] === "m" ? 1 : 1000);
  return value > 0 ? value : undefined;
}
