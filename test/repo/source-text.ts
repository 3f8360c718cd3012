/**
 * TypeScript source with its comments replaced by spaces: for checks that look for words in code. Strings and templates
 * stay as they are, and so do lines. It does not know regular expressions; one that contains `//` or a quote may confuse it.
 */
export function sourceWithoutComments(source: string): string {
  const pattern = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return source.replace(pattern, (match: string, text: string | undefined) => text ?? match.replaceAll(/[^\n]/g, " "));
}

/** How many lines of a file hold code: neither blank nor only comment. */
export function codeLines(source: string): number {
  return sourceWithoutComments(source)
    .split("\n")
    .filter((line) => line.trim() !== "").length;
}
