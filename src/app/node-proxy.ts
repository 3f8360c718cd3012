/** temporary */
export function startNodeProxy(_options: unknown): { whenIdle(): Promise<void> } {
  return { whenIdle: () => Promise.resolve() };
}
