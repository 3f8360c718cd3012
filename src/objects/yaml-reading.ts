/** What this module needs to know of a tag of the `yaml` package. */
interface YamlTag {
  readonly tag: string;
  readonly format?: string;
}

/**
 * How Kubernetes' tools read YAML, as options for the `yaml` package: YAML 1.1, where `0644` is octal, `yes` is true and `<<` merges, but
 * without base-60 numbers (`12:30:45` is text), and with dates as text.
 */
export const yamlReading = {
  version: "1.1",
  customTags: <T extends string | YamlTag>(tags: readonly T[]): T[] => tags.filter((tag) => !isLeftOut(tag)),
} as const;

function isLeftOut(tag: string | YamlTag): boolean {
  return typeof tag !== "string" && (tag.format === "TIME" || tag.tag.endsWith(":timestamp"));
}
