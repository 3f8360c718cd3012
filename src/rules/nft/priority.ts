/** A priority of 32 bits as nft writes it: two halves in hexadecimal. */
export function priorityText(value: number): string {
  return `${(value >>> 16).toString(16)}:${(value & 0xffff).toString(16)}`;
}

/** Reads what `priorityText` wrote. */
export function parsePriority(text: string): number {
  const colon = text.indexOf(":");
  return Number.parseInt(text.slice(0, colon), 16) * 0x1_0000 + Number.parseInt(text.slice(colon + 1), 16);
}
