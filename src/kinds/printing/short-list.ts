/** Up to three texts joined by commas, and how many there are beyond; `empty` when there are none. */
export function shortList(texts: readonly string[], empty: string): string {
  if (texts.length === 0) return empty;
  const shown = texts.slice(0, 3).join(",");
  return texts.length > 3 ? `${shown} + ${texts.length - 3} more...` : shown;
}
