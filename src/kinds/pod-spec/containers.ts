import { fieldsOf, itemsOf, numberOf, textOf } from "../fields.ts";
import type { Fields } from "../fields.ts";
import { duplicate, forbidden, invalid, required } from "../validation/field-error.ts";
import type { FieldError } from "../validation/field-error.ts";
import { dnsLabelProblems, portNameProblems, portNumberProblems, qualifiedNameProblems } from "../validation/names.ts";
import { nonEmpty, oneOf, problemsAt } from "../validation/values.ts";
import { validateLifecycle, validateProbes } from "./probes.ts";
import { quantityIsLess } from "./quantity-order.ts";

/** What is wrong with the containers of a pod spec, of all three lists. */
export function validateContainers(spec: Fields, path: string, volumes: ReadonlySet<string>): readonly FieldError[] {
  const containers = itemsOf(spec.containers);
  const names = new Set<string>();
  const errors: FieldError[] = containers.length === 0 ? [required(`${path}.containers`)] : [];
  for (const list of ["containers", "initContainers", "ephemeralContainers"]) {
    for (const [i, container] of itemsOf(spec[list]).entries()) {
      const field = `${path}.${list}[${i}]`;
      errors.push(...containerErrors(container, field, volumes, spec.hostNetwork === true));
      const name = textOf(container.name);
      if (name !== "" && names.has(name)) errors.push(duplicate(`${field}.name`, name));
      names.add(name);
    }
  }
  return [...errors, ...hostPortErrors(containers, `${path}.containers`)];
}

function containerErrors(
  container: Fields,
  path: string,
  volumes: ReadonlySet<string>,
  hostNetwork: boolean,
): readonly FieldError[] {
  const name = textOf(container.name);
  const image = textOf(container.image);
  const untrimmed = image !== "" && image !== image.trim();
  return [
    ...(name === "" ? [required(`${path}.name`)] : problemsAt(`${path}.name`, name, dnsLabelProblems(name))),
    ...nonEmpty(`${path}.image`, container.image),
    ...(untrimmed ? [invalid(`${path}.image`, image, "must not have leading or trailing whitespace")] : []),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]),
    ...oneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, ["File", "FallbackToLogsOnError"]),
    ...portErrors(itemsOf(container.ports), `${path}.ports`, hostNetwork),
    ...envErrors(container, path),
    ...mountErrors(itemsOf(container.volumeMounts), `${path}.volumeMounts`, volumes),
    ...resourceErrors(fieldsOf(container.resources), `${path}.resources`),
    ...validateProbes(container, path),
    ...validateLifecycle(fieldsOf(container.lifecycle), `${path}.lifecycle`),
  ];
}

function portErrors(ports: readonly Fields[], path: string, hostNetwork: boolean): readonly FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, i) => {
    const field = `${path}[${i}]`;
    const errors: FieldError[] = [];
    const name = textOf(port.name);
    if (name !== "") {
      const problems = portNameProblems(name);
      errors.push(...problemsAt(`${field}.name`, name, problems));
      if (problems.length === 0 && names.has(name)) errors.push(duplicate(`${field}.name`, name));
      names.add(name);
    }
    if (numberOf(port.containerPort) === 0) errors.push(required(`${field}.containerPort`));
    else
      errors.push(
        ...problemsAt(`${field}.containerPort`, port.containerPort, portNumberProblems(numberOf(port.containerPort))),
      );
    const hostPort = numberOf(port.hostPort);
    if (hostPort !== 0) {
      errors.push(...problemsAt(`${field}.hostPort`, hostPort, portNumberProblems(hostPort)));
      if (hostNetwork && hostPort !== port.containerPort) {
        errors.push(invalid(`${field}.hostPort`, hostPort, "must match `containerPort` when `hostNetwork` is true"));
      }
    }
    return [...errors, ...oneOf(`${field}.protocol`, port.protocol, ["TCP", "UDP", "SCTP"], "required")];
  });
}

function hostPortErrors(containers: readonly Fields[], path: string): readonly FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap((container, i) =>
    itemsOf(container.ports).flatMap((port, j) => {
      if (numberOf(port.hostPort) === 0) return [];
      const key = `${textOf(port.protocol)}/${textOf(port.hostIP)}/${numberOf(port.hostPort)}`;
      if (taken.has(key)) return [duplicate(`${path}[${i}].ports[${j}].hostPort`, key)];
      taken.add(key);
      return [];
    }),
  );
}

function envErrors(container: Fields, path: string): readonly FieldError[] {
  const errors = itemsOf(container.env).flatMap((variable, i) => {
    const field = `${path}.env[${i}]`;
    const name = textOf(variable.name);
    const found = [...nonEmpty(`${field}.name`, name)];
    if (name !== "" && !/^[ -<>-~]+$/.test(name)) {
      const detail =
        "a valid environment variable name must consist only of printable ASCII characters other than '=', regex used for " +
        "validation is '[ -<>-~]+'";
      found.push(invalid(`${field}.name`, name, detail));
    }
    const source = fieldsOf(variable.valueFrom);
    const sources = Object.keys(source);
    if (variable.valueFrom !== undefined) {
      if (sources.length === 0) {
        const detail =
          "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";
        found.push(invalid(`${field}.valueFrom`, "", detail));
      }
      if (textOf(variable.value) !== "") {
        found.push(invalid(`${field}.valueFrom`, "", "may not be specified when `value` is not empty"));
      }
      if (sources.length > 1) {
        found.push(invalid(`${field}.valueFrom`, "", "may not have more than one field specified at a time"));
      }
      for (const kind of ["configMapKeyRef", "secretKeyRef"]) {
        if (source[kind] !== undefined) {
          found.push(...nonEmpty(`${field}.valueFrom.${kind}.key`, fieldsOf(source[kind]).key));
        }
      }
      if (source.fieldRef !== undefined) {
        found.push(...nonEmpty(`${field}.valueFrom.fieldRef.fieldPath`, fieldsOf(source.fieldRef).fieldPath));
      }
    }
    return found;
  });
  const fromErrors = itemsOf(container.envFrom).flatMap((source, i) => {
    const count = ["configMapRef", "secretRef"].filter((name) => source[name] !== undefined).length;
    if (count === 1) return [];
    const detail =
      count === 0
        ? "must specify one of: `configMapRef` or `secretRef`"
        : "may not have more than one field specified at a time";
    return [invalid(`${path}.envFrom[${i}]`, "", detail)];
  });
  return [...errors, ...fromErrors];
}

function mountErrors(mounts: readonly Fields[], path: string, volumes: ReadonlySet<string>): readonly FieldError[] {
  const paths = new Set<string>();
  return mounts.flatMap((mount, i) => {
    const field = `${path}[${i}]`;
    const name = textOf(mount.name);
    const mountPath = textOf(mount.mountPath);
    const errors = [...nonEmpty(`${field}.name`, name), ...nonEmpty(`${field}.mountPath`, mountPath)];
    if (name !== "" && !volumes.has(name)) {
      errors.push({
        type: "FieldValueNotFound",
        field: `${field}.name`,
        message: `Not found: ${JSON.stringify(name)}`,
      });
    }
    if (paths.has(mountPath)) errors.push(invalid(`${field}.mountPath`, mountPath, "must be unique"));
    paths.add(mountPath);
    if (textOf(mount.subPath) !== "" && textOf(mount.subPathExpr) !== "") {
      errors.push(invalid(`${field}.subPathExpr`, mount.subPathExpr, "subPathExpr and subPath are mutually exclusive"));
    }
    return errors;
  });
}

const standardResources = ["cpu", "memory", "ephemeral-storage", "storage"];

function resourceErrors(resources: Fields, path: string): readonly FieldError[] {
  const limits = fieldsOf(resources.limits);
  const requests = fieldsOf(resources.requests);
  const errors: FieldError[] = [];
  for (const [list, values] of [
    ["limits", limits],
    ["requests", requests],
  ] as const) {
    for (const [name, value] of Object.entries(values)) {
      errors.push(...problemsAt(`${path}.${list}`, name, qualifiedNameProblems(name)));
      if (!name.includes("/") && !standardResources.includes(name) && !name.startsWith("hugepages-")) {
        errors.push(invalid(`${path}.${list}`, name, "must be a standard resource type or fully qualified"));
      }
      if (textOf(value).startsWith("-")) {
        errors.push(invalid(`${path}.${list}.${name}`, value, "must be greater than or equal to 0"));
      }
    }
  }
  for (const [name, request] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && quantityIsLess(textOf(limit), textOf(request))) {
      const detail = `must be less than or equal to ${name} limit of ${textOf(limit)}`;
      errors.push(invalid(`${path}.requests`, request, detail));
    }
  }
  if (resources.claims !== undefined && itemsOf(resources.claims).some(({ name }) => textOf(name) === "")) {
    errors.push(forbidden(`${path}.claims`, "each claim must have a name"));
  }
  return errors;
}
