import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";
import { CodedError, messageOf } from "../../core/index.ts";
import { yamlReading } from "../../objects/index.ts";
import { readKubeProxyConfiguration } from "../../proxy/index.ts";
import type { KubeProxyConfigurationReading, ProxySettings } from "../../proxy/index.ts";

/**
 * Reads a KubeProxyConfiguration file, YAML or JSON. In a file of several documents (kubeadm's) it is the one of that
 * kind. Throws `CodedError` "InvalidProxyConfiguration" that names the file and what is wrong.
 */
export function readProxyConfig(path: string, base: ProxySettings): KubeProxyConfigurationReading {
  const fail = (reason: string): never => {
    throw new CodedError("InvalidProxyConfiguration", `${path}: ${reason}`);
  };
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return fail(`cannot be read: ${messageOf(error)}`);
  }
  const documents = parseAllDocuments(text, { ...yamlReading, prettyErrors: true });
  const values: unknown[] = [];
  for (const document of Array.isArray(documents) ? documents : []) {
    const [error] = document.errors;
    if (error !== undefined) return fail(error.message);
    values.push(document.toJS());
  }
  const isOurs = (value: unknown) =>
    typeof value === "object" && value !== null && "kind" in value && value.kind === "KubeProxyConfiguration";
  const found = values.length === 1 ? values[0] : values.find(isOurs);
  if (found === undefined || found === null) return fail("there is no KubeProxyConfiguration in it");
  try {
    return readKubeProxyConfiguration(found, base);
  } catch (error) {
    return fail(messageOf(error));
  }
}
