const pattern = /^([+-]?)([0-9]*)(?:\.([0-9]*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)|[eE]([+-]?[0-9]{1,2}))$/;
const binaryPowers: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n };
const decimalSuffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"] as const;
const binarySuffixes = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"] as const;

/** What upstream says of text that is no quantity. */
export const quantityProblem =
  "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/**
 * A quantity in the canonical form in which Kubernetes stores it (`0.5` is `500m`, `1024Mi` is `1Gi`), rounded up to
 * a billionth; `undefined` when `text` is no quantity.
 */
export function canonicalQuantity(text: string): string | undefined {
  const match = pattern.exec(text.trim());
  const whole = match?.[2] ?? "";
  const fraction = match?.[3] ?? "";
  if (match === null || whole + fraction === "") return undefined;
  const suffix = match[4] ?? "";
  const binaryPower = binaryPowers[suffix];
  const exponent =
    match[5] === undefined ? 3 * decimalSuffixes.findIndex((known) => known === suffix) - 9 : Number(match[5]);
  // In billionths: digits * 10^9 / 10^(digits after the point), times the suffix.
  const factor =
    binaryPower === undefined
      ? { up: tens(Math.max(0, exponent)), down: tens(Math.max(0, -exponent)) }
      : { up: 1n << binaryPower, down: 1n };
  const billionths = divideUp(
    BigInt(whole + fraction) * 1_000_000_000n * factor.up,
    tens(fraction.length) * factor.down,
  );
  if (billionths === 0n) return "0";
  const sign = match[1] === "-" ? "-" : "";
  const inBinary = binaryPower !== undefined && billionths >= 1024n * 1_000_000_000n;
  if (inBinary) return sign + binaryText(divideUp(billionths, 1_000_000_000n));
  return sign + (match[5] === undefined ? decimalText(billionths) : exponentText(billionths));
}

function binaryText(value: bigint): string {
  let power = 0;
  let rest = value;
  while (power < 6 && rest % 1024n === 0n) {
    rest /= 1024n;
    power++;
  }
  return `${rest}${binarySuffixes[power]}`;
}

function decimalText(billionths: bigint): string {
  const { mantissa, index } = inThousands(billionths, decimalSuffixes.length - 1);
  return `${mantissa}${decimalSuffixes[index]}`;
}

function exponentText(billionths: bigint): string {
  const { mantissa, index } = inThousands(billionths, Number.POSITIVE_INFINITY);
  const exponent = 3 * index - 9;
  return exponent === 0 ? `${mantissa}` : `${mantissa}e${exponent}`;
}

function inThousands(billionths: bigint, most: number): { readonly mantissa: bigint; readonly index: number } {
  let mantissa = billionths;
  let index = 0;
  while (index < most && mantissa % 1000n === 0n) {
    mantissa /= 1000n;
    index++;
  }
  return { mantissa, index };
}

function tens(power: number): bigint {
  return 10n ** BigInt(power);
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}
