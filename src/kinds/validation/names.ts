/*
 * The name formats of Kubernetes. Each function returns upstream's texts for what is wrong; none when the text is good.
 */

const labelFormat = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const label = new RegExp(`^${labelFormat}$`);
const subdomain = new RegExp(`^${labelFormat}(\\.${labelFormat})*$`);
const qualifiedPart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const configKey = /^[-._a-zA-Z0-9]+$/;

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with " +
  `an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${labelFormat}')`;
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and " +
  `end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${labelFormat}(\\.${labelFormat})*')`;
const wildcardRule =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case " +
  "alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for " +
  `validation is '\\*\\.${labelFormat}(\\.${labelFormat})*')`;
const namePartRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const labelValueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end " +
  "with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is " +
  "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
const configKeyRule =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const qualifiedRule =
  "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric " +
  "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is " +
  "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";

/** RFC 1123 label, at most 63 characters. */
export function dnsLabelProblems(text: string): readonly string[] {
  return [...tooLongProblems(text, 63), ...(label.test(text) ? [] : [labelRule])];
}

/** RFC 1123 subdomain, at most 253 characters. */
export function dnsSubdomainProblems(text: string): readonly string[] {
  return [...tooLongProblems(text, 253), ...(subdomain.test(text) ? [] : [subdomainRule])];
}

/** A subdomain of which the first label may be `*`: the host of an Ingress rule. */
export function wildcardSubdomainProblems(text: string): readonly string[] {
  const good = text.startsWith("*.") && subdomain.test(text.slice(2));
  return [...tooLongProblems(text, 253), ...(good ? [] : [wildcardRule])];
}

/** `[prefix/]name`, the key of labels, annotations and the like: a DNS subdomain and up to 63 characters. */
export function qualifiedNameProblems(text: string): readonly string[] {
  const parts = text.split("/");
  const name = parts.at(-1) ?? "";
  if (parts.length > 2) {
    return [qualifiedRule];
  }
  const problems: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") problems.push("prefix part must be non-empty");
    else problems.push(...dnsSubdomainProblems(prefix).map((problem) => `prefix part ${problem}`));
  }
  if (name === "") problems.push("name part must be non-empty");
  else problems.push(...tooLongProblems(name, 63).map((problem) => `name part ${problem}`));
  if (!qualifiedPart.test(name)) problems.push(namePartRule);
  return problems;
}

/** The value of a label: empty or up to 63 characters. */
export function labelValueProblems(text: string): readonly string[] {
  return [...tooLongProblems(text, 63), ...(text === "" || qualifiedPart.test(text) ? [] : [labelValueRule])];
}

/** The name of a port (RFC 6335, section 5.1): up to 15 characters with at least one letter. */
export function portNameProblems(text: string): readonly string[] {
  const problems: string[] = [];
  if (text.length > 15) problems.push("must be no more than 15 characters");
  if (!/^[-a-z0-9]+$/.test(text))
    problems.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(text)) problems.push("must contain at least one letter (a-z)");
  if (text.includes("--")) problems.push("must not contain consecutive hyphens");
  if (text.startsWith("-") || text.endsWith("-")) problems.push("must not begin or end with a hyphen");
  return problems;
}

/** The number of a port. */
export function portNumberProblems(port: number): readonly string[] {
  return Number.isInteger(port) && port >= 1 && port <= 65535 ? [] : ["must be between 1 and 65535, inclusive"];
}

/** A name that can stand in a URL as it is: for roles and the like, whose names may contain colons. */
export function pathSegmentProblems(text: string): readonly string[] {
  if (text === "." || text === "..") return [`may not be '${text}'`];
  return ["/", "%"].filter((part) => text.includes(part)).map((part) => `may not contain '${part}'`);
}

/** A key of a ConfigMap or Secret. */
export function configKeyProblems(text: string): readonly string[] {
  const problems = [...tooLongProblems(text, 253), ...(configKey.test(text) ? [] : [configKeyRule])];
  if (text === ".") problems.push("must not be '.'");
  if (text === "..") problems.push("must not be '..'");
  else if (text.startsWith("..")) problems.push("must not start with '..'");
  return problems;
}

function tooLongProblems(text: string, limit: number): readonly string[] {
  return text.length > limit ? [`must be no more than ${limit} characters`] : [];
}
