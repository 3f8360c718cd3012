import { parseIp } from "../../core/index.ts";
import { fieldsOf, itemsOf, textOf, textsOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { duplicate, forbidden, invalid, notSupported, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { validateLabels } from "../validation/metadata.ts";
import { dnsLabelProblems, dnsSubdomainProblems, qualifiedNameProblems } from "../validation/names.ts";
import { nonEmpty, nonNegative, oneOf, problemsAt } from "../validation/values.ts";
import { validateContainers } from "./containers.ts";

/** What is wrong with a pod spec; `path` is where it stands, such as `spec.template.spec`. */
export function validatePodSpec(
  spec: Fields,
  path: string,
  moreVolumes: readonly string[] = [],
): readonly FieldError[] {
  const volumes = itemsOf(spec.volumes);
  const volumeNames = new Set([...volumes.map((volume) => textOf(volume.name)), ...moreVolumes]);
  return [
    ...volumeErrors(volumes, `${path}.volumes`),
    ...validateContainers(spec, path, volumeNames),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"], "required"),
    ...dnsErrors(spec, path),
    ...validateLabels(labelsOf(spec.nodeSelector), `${path}.nodeSelector`),
    ...nonNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
    ...positive(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds),
    ...nameErrors(spec, path),
    ...itemsOf(spec.imagePullSecrets).flatMap(({ name }, i) => nonEmpty(`${path}.imagePullSecrets[${i}].name`, name)),
    ...hostAliasErrors(spec, path),
    ...tolerationErrors(itemsOf(spec.tolerations), `${path}.tolerations`),
    ...spreadErrors(itemsOf(spec.topologySpreadConstraints), `${path}.topologySpreadConstraints`),
    ...itemsOf(spec.readinessGates).flatMap(({ conditionType }, i) =>
      problemsAt(
        `${path}.readinessGates[${i}].conditionType`,
        textOf(conditionType),
        qualifiedNameProblems(textOf(conditionType)),
      ),
    ),
  ];
}

function volumeErrors(volumes: readonly Fields[], path: string): readonly FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, volume] of volumes.entries()) {
    const name = textOf(volume.name);
    if (name === "") errors.push(required(`${path}[${i}].name`));
    else errors.push(...problemsAt(`${path}[${i}].name`, name, dnsLabelProblems(name)));
    if (seen.has(name)) errors.push(duplicate(`${path}[${i}].name`, name));
    seen.add(name);
    const sources = Object.keys(volume).filter((field) => field !== "name");
    for (const extra of sources.slice(1)) {
      errors.push(forbidden(`${path}[${i}].${extra}`, "may not specify more than 1 volume type"));
    }
    const config = fieldsOf(volume.configMap);
    if (volume.configMap !== undefined) errors.push(...nonEmpty(`${path}[${i}].configMap.name`, config.name));
    const secret = fieldsOf(volume.secret);
    if (volume.secret !== undefined) errors.push(...nonEmpty(`${path}[${i}].secret.secretName`, secret.secretName));
    const claim = fieldsOf(volume.persistentVolumeClaim);
    if (volume.persistentVolumeClaim !== undefined) {
      errors.push(...nonEmpty(`${path}[${i}].persistentVolumeClaim.claimName`, claim.claimName));
    }
    const host = fieldsOf(volume.hostPath);
    if (volume.hostPath !== undefined) errors.push(...nonEmpty(`${path}[${i}].hostPath.path`, host.path));
  }
  return errors;
}

function dnsErrors(spec: Fields, path: string): readonly FieldError[] {
  const policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
  const errors = [...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, policies, "required")];
  const config = fieldsOf(spec.dnsConfig);
  const nameservers = textsOf(config.nameservers);
  if (spec.dnsPolicy === "None" && nameservers.length === 0) {
    const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None";
    errors.push(required(`${path}.dnsConfig.nameservers`, detail));
  }
  if (nameservers.length > 3) {
    errors.push(invalid(`${path}.dnsConfig.nameservers`, nameservers, "must not have more than 3 nameservers"));
  }
  for (const [i, address] of nameservers.entries()) {
    if (parseIp(address) === undefined) {
      const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
      errors.push(invalid(`${path}.dnsConfig.nameservers[${i}]`, address, detail));
    }
  }
  const searches = textsOf(config.searches);
  if (searches.length > 32) {
    errors.push(invalid(`${path}.dnsConfig.searches`, searches, "must not have more than 32 search paths"));
  }
  for (const [i, search] of searches.entries()) {
    // One trailing dot, underscores and the lone dot are legal in search paths.
    const bare = search.replace(/\.$/, "").replaceAll("_", "a");
    if (search !== ".")
      errors.push(...problemsAt(`${path}.dnsConfig.searches[${i}]`, search, dnsSubdomainProblems(bare)));
  }
  for (const [i, option] of itemsOf(config.options).entries()) {
    errors.push(...nonEmpty(`${path}.dnsConfig.options[${i}]`, option.name, "must not be empty"));
  }
  return errors;
}

function nameErrors(spec: Fields, path: string): readonly FieldError[] {
  const rules = [
    ["hostname", dnsLabelProblems],
    ["subdomain", dnsLabelProblems],
    ["nodeName", dnsSubdomainProblems],
    ["serviceAccountName", dnsSubdomainProblems],
    ["priorityClassName", dnsSubdomainProblems],
  ] as const;
  return rules.flatMap(([field, problems]) => {
    const value = textOf(spec[field]);
    return value === "" ? [] : problemsAt(`${path}.${field}`, value, problems(value));
  });
}

function hostAliasErrors(spec: Fields, path: string): readonly FieldError[] {
  return itemsOf(spec.hostAliases).flatMap((alias, i) => {
    const field = `${path}.hostAliases[${i}]`;
    const ip = textOf(alias.ip);
    const detail = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
    return [
      ...(parseIp(ip) === undefined ? [invalid(`${field}.ip`, ip, detail)] : []),
      ...textsOf(alias.hostnames).flatMap((name) => problemsAt(`${field}.hostnames`, name, dnsSubdomainProblems(name))),
    ];
  });
}

function tolerationErrors(tolerations: readonly Fields[], path: string): readonly FieldError[] {
  return tolerations.flatMap((toleration, i) => {
    const field = `${path}[${i}]`;
    const errors: FieldError[] = [];
    const key = textOf(toleration.key);
    const operator = textOf(toleration.operator);
    if (key !== "") errors.push(...problemsAt(`${field}.key`, key, qualifiedNameProblems(key)));
    if (key === "" && operator !== "Exists") {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(`${field}.operator`, operator, detail));
    }
    if (operator === "Exists" && textOf(toleration.value) !== "") {
      errors.push(invalid(`${field}.operator`, toleration.value, "value must be empty when `operator` is 'Exists'"));
    }
    if (toleration.tolerationSeconds !== undefined && toleration.effect !== "NoExecute") {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(invalid(`${field}.effect`, textOf(toleration.effect), detail));
    }
    return [
      ...errors,
      ...oneOf(`${field}.operator`, toleration.operator, ["Equal", "Exists"]),
      ...oneOf(`${field}.effect`, toleration.effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"]),
    ];
  });
}

function spreadErrors(constraints: readonly Fields[], path: string): readonly FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, i) => {
    const field = `${path}[${i}]`;
    const { maxSkew, topologyKey, whenUnsatisfiable } = constraint;
    const errors: FieldError[] = [];
    if (typeof maxSkew !== "number" || maxSkew <= 0) {
      errors.push(invalid(`${field}.maxSkew`, maxSkew ?? 0, "must be greater than zero"));
    }
    if (textOf(topologyKey) === "") errors.push(required(`${field}.topologyKey`, "can not be empty"));
    if (whenUnsatisfiable !== "DoNotSchedule" && whenUnsatisfiable !== "ScheduleAnyway") {
      const supported = ["DoNotSchedule", "ScheduleAnyway"];
      errors.push(notSupported(`${field}.whenUnsatisfiable`, textOf(whenUnsatisfiable), supported));
    }
    const pair = `{${textOf(topologyKey)}, ${textOf(whenUnsatisfiable)}}`;
    if (seen.has(pair)) errors.push(duplicate(`${field}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    return errors;
  });
}

function positive(field: string, value: unknown): readonly FieldError[] {
  if (typeof value !== "number" || (value >= 1 && value <= 2 ** 31 - 1)) return [];
  return [invalid(field, value, "must be between 1 and 2147483647, inclusive")];
}

/** A map of the schema as labels. */
export function labelsOf(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(fieldsOf(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
