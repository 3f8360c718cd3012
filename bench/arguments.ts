import { CodedError } from "#layers/core";

/** Reads a whole number of an argument. Throws `CodedError` code `Usage` for anything else, and for less than `least`. */
export function wholeNumber(text: string, what: string, least: number, usage: string): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && Number.isSafeInteger(value) && value >= least) return value;
  throw wrong(text, `a number of ${what}, ${least} or more`, usage);
}

/** Reads a time above zero, of `unit`. Throws as `wholeNumber`. */
export function duration(text: string, unit: string, usage: string): number {
  const value = Number(text);
  if (/^[0-9]*\.?[0-9]+$/.test(text) && value > 0) return value;
  throw wrong(text, `a number of ${unit} above zero`, usage);
}

/** Takes `--name VALUE` from the beginning of `args`: the value, undefined when something else is there, and the rest. */
export function leadingOption(
  args: readonly string[],
  name: string,
): { readonly value: string | undefined; readonly rest: readonly string[] } {
  return args[0] === name ? { value: args[1] ?? "", rest: args.slice(2) } : { value: undefined, rest: args };
}

function wrong(text: string, wanted: string, usage: string): CodedError {
  return new CodedError("Usage", `${JSON.stringify(text)} is not ${wanted}: ${usage}`);
}
