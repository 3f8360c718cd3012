/** The greatest common divisor of whole numbers, so that weights of 100 and 200 are shares of 1 and 2; 1 when all are 0. */
export function commonDivisor(numbers: Iterable<number>): number {
  let divisor = 0;
  for (const number of numbers) {
    let rest = number;
    while (rest !== 0) [divisor, rest] = [rest, divisor % rest];
  }
  return divisor === 0 ? 1 : divisor;
}
